// SPDX-License-Identifier: GPL-3.0-or-later
//
// A session file from an enemy. Input that begins with "SQLite" is taken as a file; any other is a list of edits, 8
// bytes each, to a sound session, so that the fuzzer gets past SQLite's own checks to ours.
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/telemetry/damage.h"
#include "tests/telemetry/event_storm.h"
#include "tests/telemetry/session_helpers.h"

using namespace pitwall::telemetry;
using namespace pitwall::telemetry::testing;

namespace {

struct Workplace {
    TemporaryFolder folder;
    std::string whole = folder.path("whole.db"), bad = folder.path("bad.db");
    Workplace() {
        StormOptions options;
        options.num_blocks = 12;
        options.max_running = 2;
        options.most_output_tokens = 4;
        if (!record(storm_session(options, 12), whole).ok()) std::abort();
    }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const Workplace place;
    constexpr size_t kMagic = 6, kMostEdits = 16;
    if (size >= kMagic && std::memcmp(data, "SQLite", kMagic) == 0) {
        std::ofstream(place.bad, std::ios::binary | std::ios::trunc)
            .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
    } else {
        std::filesystem::copy_file(place.whole, place.bad, std::filesystem::copy_options::overwrite_existing);
        std::vector<uint64_t> choices(std::min(size / sizeof(uint64_t), kMostEdits));
        if (!choices.empty()) std::memcpy(choices.data(), data, choices.size() * sizeof(uint64_t));
        nonsense_updates(place.bad, choices);
    }
    const std::string said = exercise(place.bad);
    if (said.find('\n') != std::string::npos) std::abort();
    return 0;
}
