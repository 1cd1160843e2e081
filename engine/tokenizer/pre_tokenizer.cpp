// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/tokenizer/pre_tokenizer.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <fmt/format.h>
#include <pcre2.h>

#include <algorithm>
#include <array>
#include <span>

#include "engine/model/printable.h"
#include "engine/tokenizer/utf8.h"

namespace pitwall::engine {
namespace {

// White_Space of Unicode spelled out: PCRE2's own \s counts U+180E as well, which no tokenizer does.
#define SPACE "\\t-\\r\\x{85}\\p{Z}"

constexpr const char* kDigit = "\\p{N}";
// Radford et al. 2019 (GPT-2, encoder.py).
constexpr const char* kGpt2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^" SPACE
                              "\\p{L}\\p{N}]+|[" SPACE "]+(?![^" SPACE "])|[" SPACE "]+";
// The rule of OpenAI's cl100k, as Llama 3 and Qwen 2 use it: they differ in how many digits stand together.
#define CL100K(DIGITS)                                                                            \
    "'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" DIGITS \
    "| ?[^" SPACE "\\p{L}\\p{N}]+[\\r\\n]*|[" SPACE "]*[\\r\\n]+|[" SPACE "]+(?![^" SPACE "])|[" SPACE "]+"
constexpr const char* kLlama3 = CL100K("\\p{N}{1,3}");
constexpr const char* kQwen2 = CL100K("\\p{N}");

/// Each stage cuts the pieces of the one before.
struct Rule {
    std::array<const char*, 2> stages;
    bool whole_words;
    std::array<std::string_view, 5> names;
};

constexpr std::array<Rule, 4> kRules = {{
    {{kDigit, kGpt2}, false, {"smollm", "starcoder", "refact", "codeshell", "command-r"}},
    {{kGpt2, nullptr}, false, {"gpt-2", "gpt2", "phi-2", "olmo", "mpt"}},
    {{kLlama3, nullptr}, true, {"llama-bpe", "llama3", "llama-v3", "falcon3", "pixtral"}},
    {{kQwen2, nullptr}, false, {"qwen2", "deepseek-r1-qwen", "stablelm2", "hunyuan", "megrez"}},
}};

const Rule* find_rule(std::string_view name) {
    for (const Rule& rule : kRules) {
        if (std::find(rule.names.begin(), rule.names.end(), name) != rule.names.end()) return &rule;
    }
    return nullptr;
}

constexpr size_t kJitStackBytes = 32u << 10, kMostJitStackBytes = 1u << 20;

}  // namespace

struct PreTokenizer::Stage {
    explicit Stage(pcre2_code* compiled) : code(compiled) {}
    ~Stage() { pcre2_code_free(code); }
    Stage(const Stage&) = delete;
    Stage& operator=(const Stage&) = delete;
    pcre2_code* code;
};

/// What a match needs besides the compiled rule; one for each call, so that threads share nothing.
class PreTokenizer::Matcher {
  public:
    Matcher()
        : data_(pcre2_match_data_create(1, nullptr)),
          context_(pcre2_match_context_create(nullptr)),
          stack_(pcre2_jit_stack_create(kJitStackBytes, kMostJitStackBytes, nullptr)) {
        if (context_ != nullptr) pcre2_jit_stack_assign(context_, nullptr, stack_);
    }
    ~Matcher() {
        pcre2_jit_stack_free(stack_);
        pcre2_match_context_free(context_);
        pcre2_match_data_free(data_);
    }
    Matcher(const Matcher&) = delete;
    Matcher& operator=(const Matcher&) = delete;

    /// Begin and end of the next match at or after `from`; both text.size() where there is none.
    std::pair<size_t, size_t> next(const Stage& stage, std::string_view text, size_t from) {
        const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data());
        // Checked by the caller once: checking on every call would make long texts quadratic.
        uint32_t options = PCRE2_NO_UTF_CHECK;
        int found = pcre2_match(stage.code, subject, text.size(), from, options, data_, context_);
        if (found < 0 && found != PCRE2_ERROR_NOMATCH) {  // the compiled code ran out of stack: interpret
            found =
                pcre2_match(stage.code, subject, text.size(), from, options | PCRE2_NO_JIT, data_, context_);
        }
        if (found < 0) return {text.size(), text.size()};
        const size_t* range = pcre2_get_ovector_pointer(data_);
        return {range[0], range[1]};
    }

  private:
    pcre2_match_data* data_;
    pcre2_match_context* context_;
    pcre2_jit_stack* stack_;
};

namespace {

/// Cuts `text` (valid UTF-8) by all stages from the first of `stages`. Pieces between matches are kept, whole.
template <class Stages, class Matcher>
void cut(std::string_view text, Stages stages, Matcher& matcher, std::vector<std::string_view>& words) {
    if (text.empty()) return;
    if (stages.empty()) {
        words.push_back(text);
        return;
    }
    for (size_t at = 0; at < text.size();) {
        const auto [begin, end] = matcher.next(*stages.front(), text, at);
        cut(text.substr(at, begin - at), stages.subspan(1), matcher, words);
        cut(text.substr(begin, end - begin), stages.subspan(1), matcher, words);
        at = end;
    }
}

}  // namespace

PreTokenizer::~PreTokenizer() = default;

Result<std::unique_ptr<PreTokenizer>> PreTokenizer::create(std::string_view name) {
    const Rule* rule = find_rule(name);
    if (rule == nullptr) {
        const std::string what =
            name.empty() ? "the model's tokenizer names no pre-tokenizer"
                         : fmt::format("the model's pre-tokenizer '{}' is unknown", printable(name));
        return Error{what, "choose a model with smollm, gpt-2, llama-bpe or qwen2"};
    }
    std::unique_ptr<PreTokenizer> out(new PreTokenizer);
    out->takes_whole_words_ = rule->whole_words;
    for (const char* pattern : rule->stages) {
        if (pattern == nullptr) continue;
        int error = 0;
        size_t offset = 0;
        pcre2_code* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern), PCRE2_ZERO_TERMINATED,
                                         PCRE2_UTF, &error, &offset, nullptr);
        if (code == nullptr)
            return Error{fmt::format("PCRE2 cannot compile a word rule (error {})", error),
                         "use PCRE2 10.30 or later, with Unicode"};
        pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);  // where it cannot, the same is interpreted
        out->stages_.push_back(std::make_unique<Stage>(code));
    }
    return out;
}

void PreTokenizer::split(std::string_view text, std::vector<std::string_view>& words) const {
    Matcher matcher;
    while (!text.empty()) {
        const size_t valid = valid_utf8_prefix(text);
        cut(text.substr(0, valid), std::span(stages_), matcher, words);
        text.remove_prefix(valid);
        if (text.empty()) break;
        const size_t broken = utf8_step(text).length;
        words.push_back(text.substr(0, broken));
        text.remove_prefix(broken);
    }
}

}  // namespace pitwall::engine
