// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <future>
#include <vector>

#include "telemetry/control.h"
#include "telemetry/store/store.h"

namespace pitwall::panels {

/// One's own request: what is sent, what the engine said to it, and in a chat the turns so far. Knows no widget and
/// never waits for the engine.
class PromptPresenter {
  public:
    static constexpr qsizetype kMaxBytes = 1
                                           << 20;  ///< a paste by mistake should not fill the engine's queue

    enum class State { kIdle, kSent, kRunning, kDone, kError };
    struct Turn {
        QString role, text;
        RequestId request = kNoRequest;
    };

    explicit PromptPresenter(const telemetry::Store& store) : store_(store) {}

    void set_chat(bool chat) { chat_ = chat; }
    bool chat() const { return chat_; }
    /// Sampling and limits of the next request; messages and prompt in it are not used.
    telemetry::PromptSpec& settings() { return settings_; }

    /// What keeps `text` from being sent, or empty.
    QString problem(const QString& text) const;
    /// False where there is a problem or an answer is still awaited; status() then says which.
    bool send(const QString& text, telemetry::Control& control);
    /// Looks for the engine's answer. The request where it was just accepted, else kNoRequest.
    RequestId poll();
    /// Follows the running request in the store. True where anything shown changed.
    bool refresh();
    void new_chat();
    void drop_session();  ///< its answers will not come any more

    State state() const { return state_; }
    RequestId request() const { return request_; }
    const std::vector<Turn>& turns() const { return turns_; }  ///< the one that streams included
    QString status() const { return status_; }
    QString csv() const;

  private:
    telemetry::PromptSpec build(const QString& text) const;
    void fail(const QString& why);
    void follow(const telemetry::RequestRow& row);

    const telemetry::Store& store_;
    telemetry::PromptSpec settings_;
    bool chat_ = true;
    State state_ = State::kIdle;
    RequestId request_ = kNoRequest;
    std::vector<Turn> turns_;
    QString status_, sent_text_;
    std::future<telemetry::Answer> answer_;
    std::string note_;  ///< what the engine said while accepting: a clamped value
};

}  // namespace pitwall::panels
