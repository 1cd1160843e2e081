// SPDX-License-Identifier: GPL-3.0-or-later
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "presets/json_text.h"
#include "presets/preset.h"
#include "tests/storm.h"

using namespace pitwall;
using namespace pitwall::presets;
using ::testing::HasSubstr;

namespace {

std::string slurp(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

std::string refusal(std::string_view text) {
    const auto preset = parse_preset(text, "p.json");
    return preset.ok() ? "accepted" : preset.error().text();
}

std::string with_settings(std::string_view settings) {
    return R"({"pitwall_preset": 1, "name": "x", "settings": {)" + std::string(settings) + "}}";
}

Preset random_preset(std::mt19937_64& random) {
    Preset preset;
    preset.name = "storm " + std::to_string(random() % 1000);
    for (const KnobSpec& knob : knob_table()) {
        if (random() % 2) continue;
        double value = std::uniform_real_distribution<double>(knob.minimum, knob.maximum)(random);
        if (knob.type != KnobType::kReal) value = std::floor(value);
        if (has_off(knob) && random() % 3 == 0) value = knob.off_value;
        preset.values.set(knob.id, value);
    }
    return preset;
}

}  // namespace

TEST(PresetFile, RandomOnesComeBackAsTheyWere) {
    for (const uint32_t seed : StormSeeds()) {
        std::mt19937_64 random(seed);
        for (int i = 0; i < 200; ++i) {
            const Preset preset = random_preset(random);
            const auto again = parse_preset(preset_text(preset), "again.json");
            ASSERT_TRUE(again.ok()) << again.error().text();
            EXPECT_EQ(again.value().values, preset.values);
            EXPECT_EQ(again.value().name, preset.name);
            EXPECT_EQ(preset_text(again.value()), preset_text(preset));
        }
    }
}

TEST(PresetFile, IsRefusedInASentenceThatNamesTheCulprit) {
    EXPECT_THAT(refusal(with_settings(R"("max_num_seq": 4)")), HasSubstr("did you mean max_num_seqs?"));
    EXPECT_THAT(refusal(with_settings(R"("max_num_seqs": -37)")),
                HasSubstr("max_num_seqs=-37 is out of range"));
    EXPECT_THAT(refusal(with_settings(R"("max_num_seqs": [4])")), HasSubstr("max_num_seqs"));
    EXPECT_THAT(refusal(with_settings(R"("max_num_seqs": true)")), HasSubstr("max_num_seqs"));
    EXPECT_THAT(refusal(with_settings(R"("batching": 1)")), HasSubstr("batching"));
    EXPECT_THAT(refusal(with_settings(R"("max_num_seqs": 4, "max_num_seqs": 5)")), HasSubstr("twice"));
    EXPECT_THAT(refusal(with_settings(R"("max_num_seqs": 1e999)")), HasSubstr("p.json"));
    EXPECT_THAT(refusal(R"({"pitwall_preset": 1, "setings": {}})"), HasSubstr("did you mean settings?"));
    EXPECT_THAT(refusal(with_settings(R"("concurre\ncy": 4)")), HasSubstr("unknown setting \"concurre?cy\""));
    EXPECT_THAT(refusal(R"({"pitwall_preset": 2, "settings": {}})"), HasSubstr("version 2"));
    EXPECT_THAT(refusal(R"({"settings": {}})"), HasSubstr("pitwall_preset"));
    EXPECT_THAT(refusal(R"({"pitwall_preset": 1, "settings": 3})"), HasSubstr("settings"));
    EXPECT_THAT(refusal(R"({"pitwall_preset": 1, "name": 3, "settings": {}})"), HasSubstr("name"));
    EXPECT_THAT(refusal(""), HasSubstr("is empty"));
    EXPECT_THAT(refusal("[]"), HasSubstr("not a JSON object"));
    EXPECT_THAT(refusal("\xff\xfe"), HasSubstr("not valid JSON"));
    EXPECT_THAT(refusal(std::string(kMaxPresetBytes + 1, ' ')), HasSubstr("more than"));
    EXPECT_THAT(refusal(std::string(60000, '[')), HasSubstr("nests deeper"));
}

TEST(PresetFile, EveryCutIsRefusedOrWhole) {
    std::mt19937_64 random(5);
    const std::string text = preset_text(random_preset(random));
    for (size_t n = 0; n + 2 < text.size(); ++n) EXPECT_NE(refusal(text.substr(0, n)), "accepted") << n;
}

TEST(PresetFile, BytesTurnedAtRandomNeverCrash) {
    for (const uint32_t seed : StormSeeds()) {
        std::mt19937_64 random(seed);
        for (int i = 0; i < 3000; ++i) {
            std::string text = preset_text(random_preset(random));
            for (int flips = 1 + static_cast<int>(random() % 4); flips > 0; --flips)
                text[random() % text.size()] ^= static_cast<char>(1u << (random() % 8));
            const std::string said = refusal(text);
            EXPECT_FALSE(said.empty());
            EXPECT_EQ(said.find('\n'), std::string::npos) << said;
        }
    }
}

TEST(PresetFile, SavesAndLoads) {
    const std::string path = testing::TempDir() + "pitwall-preset-test.json";
    std::mt19937_64 random(23);
    const Preset preset = random_preset(random);
    ASSERT_TRUE(save_preset(path, preset).ok());
    const auto again = load_preset(path);
    ASSERT_TRUE(again.ok()) << again.error().text();
    EXPECT_EQ(again.value().values, preset.values);
    EXPECT_FALSE(std::filesystem::exists(path + ".part"));
    EXPECT_THAT(check_json_path(path, false).error().what, HasSubstr("there already"));
    EXPECT_TRUE(check_json_path(path, true).ok());
    std::filesystem::remove(path);
    EXPECT_THAT(load_preset(path).error().what, HasSubstr(path));
    EXPECT_THAT(load_preset("/dev/null").error().what, HasSubstr("/dev/null"));
    EXPECT_THAT(load_preset(testing::TempDir()).error().what, HasSubstr("not a file"));
    EXPECT_FALSE(save_preset("/nonexistent/dir/p.json", preset).ok());
}

TEST(PresetFile, ReplacesNothingButJson) {
    const std::string path = testing::TempDir() + "pitwall-no-preset.gguf";
    std::ofstream(path) << "GGUF and then some";
    EXPECT_THAT(save_preset(path, Preset{}).error().what, HasSubstr("no JSON file"));
    EXPECT_EQ(std::filesystem::file_size(path), 18u);
    std::ofstream(path, std::ios::trunc).close();
    std::ofstream(path + ".part") << "mine";
    EXPECT_TRUE(save_preset(path, Preset{}).ok()) << "an empty file holds nothing that could be lost";
    EXPECT_EQ(std::filesystem::file_size(path + ".part"), 4u) << "somebody else's";
    EXPECT_FALSE(check_json_path(testing::TempDir(), true).ok());
    for (const char* suffix : {"", ".part"}) std::filesystem::remove(path + suffix);
}

TEST(PresetFile, TheShippedOnesAreValid) {
    size_t found = 0;
    for (const auto& entry : std::filesystem::directory_iterator(PITWALL_SOURCE_DIR "/resources/presets")) {
        const auto preset = load_preset(entry.path().string());
        ASSERT_TRUE(preset.ok()) << preset.error().text();
        EXPECT_EQ(preset_text(preset.value()), slurp(entry.path().string()))
            << "in the order of the table, as saved";
        ++found;
    }
    EXPECT_GE(found, 3u);
}

TEST(PresetSchema, TheWrittenOneIsTheTables) {
    EXPECT_EQ(slurp(PITWALL_SOURCE_DIR "/docs/preset-schema.json"), preset_schema_text())
        << "write it anew: pitwall preset schema > docs/preset-schema.json";
    const auto schema = parse_json(preset_schema_text(), "schema");
    ASSERT_TRUE(schema.ok());
    EXPECT_EQ(schema.value()["properties"]["settings"]["properties"].size(), kKnobCount);
}
