// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the CUDA kernels reach on a GPU, one JSON line a figure, the device's copy rate first.
//   bench_gpu [--tiny] [ceilings] [products] [fast] [attention] [conversion] [sampling]      all of them where none is named
// --tiny makes everything small: that it runs, and not how fast.
#include <cstdio>
#include <cstring>
#include <iostream>
#include <string>

#include "bench/gpu/measure.h"

int main(int argc, char** argv) {
    using namespace pitwall::cuda::bench;
    const std::pair<const char*, void (*)(Device&)> parts[] = {
        {"ceilings", bench_ceilings},   {"products", bench_products},     {"fast", bench_fast_products},
        {"attention", bench_attention}, {"conversion", bench_conversion}, {"sampling", bench_sampling}};
    const bool tiny = argc > 1 && std::strcmp(argv[1], "--tiny") == 0;
    const int first = tiny ? 2 : 1;
    Device device(tiny);
    const auto& p = device.properties();
    std::cout << nlohmann::json{{"what", "device"},
                                {"name", p.name},
                                {"compute",
                                 std::to_string(p.compute_major) + "." + std::to_string(p.compute_minor)},
                                {"multiprocessors", p.multiprocessors},
                                {"l2_bytes", p.l2_bytes}}
                     .dump()
              << std::endl;
    for (const auto& [name, run] : parts) {
        bool wanted = argc == first;
        for (int i = first; i < argc; ++i) wanted |= std::strcmp(argv[i], name) == 0;
        if (wanted) run(device);
    }
    return 0;
}
