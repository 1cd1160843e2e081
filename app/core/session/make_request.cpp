// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/core/session/make_request.h"

namespace pitwall::app {

namespace {

Status check_sampling(const telemetry::PromptSpec& prompt) {
    const auto refuse = [](const char* field, const char* hint) {
        return Error{std::string(field) + " is out of range", hint};
    };
    // Written so that NaN is refused as well.
    if (!(prompt.temperature >= 0 && prompt.temperature <= 100))
        return refuse("temperature", "give 0 to 100; 0 is greedy");
    if (!(prompt.top_p > 0 && prompt.top_p <= 1)) return refuse("top_p", "give a number above 0, up to 1");
    if (!(prompt.min_p >= 0 && prompt.min_p <= 1)) return refuse("min_p", "give 0 to 1");
    if (!(prompt.repetition_penalty > 0 && prompt.repetition_penalty <= 100))
        return refuse("repetition_penalty", "give a number above 0, up to 100");
    if (prompt.top_k < 0) return refuse("top_k", "give 0 for all tokens, or how many");
    return {};
}

}  // namespace

Result<engine::GenerationRequest> make_request(const telemetry::PromptSpec& prompt,
                                               const engine::Tokenizer& tokenizer) {
    if (auto status = check_sampling(prompt); !status.ok()) return status.error();
    engine::GenerationRequest request;
    request.prompt_text = prompt.prompt;
    if (!prompt.messages.empty()) {
        auto text = tokenizer.render_chat(prompt.messages);
        if (!text.ok()) return text.error();
        request.prompt_text = std::move(text).value();
    }
    request.prompt = tokenizer.encode(request.prompt_text, true);
    if (request.prompt.empty()) return Error{"the prompt holds no token", "write something"};
    request.sampling = {.temperature = prompt.temperature,
                        .top_k = prompt.top_k,
                        .top_p = prompt.top_p,
                        .min_p = prompt.min_p,
                        .repetition_penalty = prompt.repetition_penalty,
                        .seed = prompt.seed};
    request.max_tokens = prompt.max_tokens;
    request.stop = prompt.stop;
    request.priority = prompt.priority;
    request.request_class = prompt.request_class;
    return request;
}

}  // namespace pitwall::app
