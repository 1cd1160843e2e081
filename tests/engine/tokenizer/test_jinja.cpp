// SPDX-License-Identifier: GPL-3.0-or-later
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "engine/tokenizer/jinja/template.h"

namespace pitwall::engine::jinja {
namespace {

using nlohmann::ordered_json;
using ::testing::HasSubstr;

Result<std::string> render(std::string_view source, const ordered_json& context = ordered_json::object()) {
    const Result<Template> parsed = Template::parse(source);
    if (!parsed.ok()) return parsed.error();
    return parsed.value().render(context);
}

std::string refusal(std::string_view source, const ordered_json& context = ordered_json::object()) {
    const Result<std::string> text = render(source, context);
    return text.ok() ? "rendered '" + text.value().substr(0, 80) + "'" : text.error().what;
}

TEST(Jinja, RendersAsTheReferenceDoes) {
    std::ifstream file(PITWALL_SOURCE_DIR "/tests/engine/tokenizer/jinja_cases.jsonl");
    ASSERT_TRUE(file);
    size_t rendered = 0, refused = 0;
    for (std::string line; std::getline(file, line);) {
        const ordered_json row = ordered_json::parse(line);
        const std::string name = row["name"];
        const Result<std::string> got = render(row["template"].get<std::string>(), row["context"]);
        if (row.contains("refused")) {
            EXPECT_FALSE(got.ok()) << name << " gave '" << got.value() << "'";
            if (!got.ok()) {
                EXPECT_THAT(got.error().what, ::testing::StartsWith("line ")) << name;
            }
            ++refused;
        } else {
            EXPECT_TRUE(got.ok()) << name << ": " << got.error().what;
            if (got.ok()) {
                EXPECT_EQ(got.value(), row["text"].get<std::string>()) << name;
            }
            ++rendered;
        }
    }
    EXPECT_GT(rendered, 250u);
    EXPECT_GT(refused, 20u);
}

TEST(Jinja, NamesTheLineOfWhatItCannotRun) {
    EXPECT_EQ(refusal("a\nb\n{% macro f() %}{% endmacro %}"),
              "line 3 uses the tag 'macro', which is not supported");
    EXPECT_EQ(refusal("{{ 1 }}\n{{ 'a' | frobnicate }}"),
              "line 2 uses the filter 'frobnicate', which is not supported");
    EXPECT_EQ(refusal("\n\n{{ x is prime }}"), "line 3 uses the test 'prime', which is not supported");
    EXPECT_EQ(refusal("\n{% for m in messages %}\n{{ m.content.nope() }}{% endfor %}",
                      {{"messages", {{{"content", "x"}}}}}),
              "line 3 calls the method 'nope' of a text, which is not supported");
    EXPECT_EQ(refusal("{{ raise_exception('roles must alternate') }}"),
              "line 1 refuses this conversation ('roles must alternate')");
    EXPECT_EQ(refusal("\n{{ a.b.c }}", {{"a", ordered_json::object()}}),
              "line 2 uses 'b', which is undefined");
    EXPECT_EQ(refusal("{{ 'größe' | upper }}"),
              "line 1 uses 'upper' on text beyond ASCII, which is not supported");
    EXPECT_EQ(refusal("{% if x %}\n{% for y in z %}\n{% endfor %}"), "line 1 has a tag without its endif");
}

TEST(Jinja, RefusesBytesThatAreNoUtf8) {
    EXPECT_EQ(refusal("a\n\xff"), "line 2 has bytes that are no UTF-8");
}

/// Each of these would run for hours, fill the memory or overflow the stack.
TEST(Jinja, BoundsWhatATemplateMayDo) {
    const std::clock_t begin =
        std::clock();  // of this process alone: other work on the machine is no failure
    const std::string many(100'000, '(');
    std::string sum = "1", attributes = "x", nots, minus, lists;
    for (int i = 0; i < 50'000; ++i)
        sum += "+1", attributes += ".a", nots += "not ", minus += "- ", lists += "[";
    std::string ifs;
    for (int i = 0; i < 50'000; ++i) ifs += "{% if true %}";
    std::string names;
    for (int i = 0; i < 40'000; ++i) names += "{% set a" + std::to_string(i) + " = 1 %}";
    names += "{% for i in range(90000) %}{{ nope is defined }}{% endfor %}";
    const std::string with_long = "{% set s = 'a' * 20000000 %}{% for i in range(100000) %}",
                      end = "{% endfor %}";
    const std::string bad[] = {
        names,
        "{{ " + many + " }}",
        "{{ " + sum + " }}",
        "{{ " + attributes + " }}",
        "{{ " + nots + "x }}",
        "{{ " + minus + "1 }}",
        "{{ " + lists + " }}",
        ifs,
        "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
        "{% set ns = namespace(s='x') %}{% for a in range(99) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
        "{% set ns = namespace(l=[1]) %}{% for a in range(99) %}{% set ns.l = ns.l + ns.l %}{% endfor %}",
        "{% set ns = namespace(l=[]) %}{% for a in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ "
        "ns.l }}",
        "{% set ns = namespace(l=[]) %}{% for a in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ "
        "ns.l|tojson }}",
        "{% set ns = namespace(l=[]) %}{% for a in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ "
        "ns.l == [] or "
        "ns.l == ns.l }}{{ [ns.l] == [ns.l + []] }}{{ ns.l|string }}",
        "{% set ns = namespace() %}{% set ns.l = [ns] %}{{ ns.l }}",
        "{{ 'x' * 1000000000 }}",
        "{{ 'x' * 9999999999999 }}",
        "{{ [1] * 1000000000 }}",
        "{{ 2 ** 64 }}",
        "{{ 9223372036854775807 + 1 }}",
        "{{ 99999999999999999999 }}",
        "{{ -9223372036854775807 - 2 }}",
        "{{ ('a' * 1000000)|replace('a', 'b' * 1000) }}",
        "{{ [1]|tojson(indent=1000000) }}",
        // Work in proportion to a text, a hundred thousand times.
        with_long + "{% if s is upper %}{% endif %}" + end,
        with_long + "{% if s|length > 3 %}{% endif %}" + end,
        with_long + "{% if s.startswith(s) %}{% endif %}" + end,
        with_long + "{% if s.startswith((s, s)) %}{% endif %}" + end,
        with_long + "{% set t = s.removeprefix(s) %}" + end,
        with_long + "{% if s.isalpha() %}{% endif %}" + end,
        with_long + "{% if s < s %}{% endif %}" + end,
        with_long + "{% set t = s|int %}" + end,
        with_long + "{% set t = [s, s]|unique %}" + end,
        with_long + "{% set t = ['b', s]|sort %}" + end,
        with_long + "{% set t = 'b'.strip(s) %}" + end,
        "{{ ('a' * 9000000).strip('b' * 9000000 + 'a') }}{{ 1 / 0 }}",
        "{{ ('a' * 5000000 + 'b') in 'a' * 10000000 }}{{ 1 / 0 }}",
        "{{ ('a' * 10000000).count('a' * 5000000 + 'b') }}{{ 1 / 0 }}",
        "{{ ('a' * 10000000).replace('a' * 5000000 + 'b', '') }}{{ 1 / 0 }}",
        "{% set ns = namespace(l=[range(100000)] * 29) %}{% for a in range(60) %}{% set ns.l = [ns.l] %}"
        "{% endfor %}{{ ns.l|tojson(indent=16) }}",
        "{% for a in range(100000) %}{{ 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' * 99 }}{% endfor "
        "%}",
    };
    for (const std::string& source : bad) {
        EXPECT_THAT(refusal(source), ::testing::StartsWith("line ")) << source.substr(0, 120);
    }
    EXPECT_LT((std::clock() - begin) / CLOCKS_PER_SEC, 60);
}

TEST(Jinja, LongConversationsFit) {
    ordered_json context;
    for (int i = 0; i < 2000; ++i) {
        context["messages"].push_back(
            {{"role", i % 2 ? "assistant" : "user"}, {"content", std::string(2000, 'x')}});
    }
    const Result<std::string> text = render(
        "{% for m in messages %}{{ '<' + m['role'] + '>' + m['content'] + '\\n' }}{% endfor %}", context);
    ASSERT_TRUE(text.ok()) << text.error().what;
    EXPECT_GT(text.value().size(), 4'000'000u);
}

TEST(Jinja, TextOfMessagesIsNeverATemplate) {
    const ordered_json context = {{"messages", {{{"role", "user"}, {"content", "{{ 1 + 1 }}{% for %}"}}}}};
    EXPECT_EQ(render("{{ messages[0].content }}", context).value(), "{{ 1 + 1 }}{% for %}");
}

}  // namespace
}  // namespace pitwall::engine::jinja
