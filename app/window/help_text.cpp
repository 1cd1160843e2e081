// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/window/help_text.h"

#include <string_view>
#include <utility>

#include "telemetry/stats/metrics.h"

namespace pitwall::app {

namespace {

QString escaped(std::string_view text) {
    return QString::fromUtf8(text.data(), qsizetype(text.size())).toHtmlEscaped();
}

}  // namespace

QString definitions_html() {
    QString html;
    for (size_t m = 0; m < static_cast<size_t>(telemetry::Metric::kCount); ++m) {
        const auto metric = static_cast<telemetry::Metric>(m);
        html += QStringLiteral("<h4>%1</h4><table cellspacing=4>").arg(escaped(telemetry::name(metric)));
        for (size_t f = 0; f < static_cast<size_t>(telemetry::Formula::kCount); ++f) {
            const auto formula = static_cast<telemetry::Formula>(f);
            const std::string_view text = telemetry::definition(metric, formula);
            if (!text.empty())
                html += QStringLiteral("<tr><td>%1</td><td>%2</td></tr>")
                            .arg(escaped(telemetry::name(formula)), escaped(text));
        }
        html += QStringLiteral("</table>");
    }
    return html +
           QStringLiteral(
               "<h4>KV blocks</h4><p>Held: a running request owns it. Shared: two or more do. Cached: "
               "none does, its "
               "content may be hit, it is evicted when room is needed; it counts neither as free nor "
               "as held. "
               "Slots filled: token slots of held blocks that hold a token.</p><p>Last step: as the "
               "newest step left it. Now: with all that was told since, so that the two differ while "
               "a step is under way.</p>"
               "<h4>Memory</h4><p>KV in use: filled slots of held blocks. Slack: their empty slots. "
               "Activations: buffers for what a step computes. Draft model: its weights, its own KV "
               "blocks and activations. Rest of the process: resident memory less weights, all those and "
               "cached blocks. More requests that fit: free and cached blocks "
               "/ blocks that finished requests of the range held at their end. Other shapes: arithmetic "
               "alone, nothing is measured.</p>"
               "<h4>KV precision</h4><p>KL: divergence of the next token's distribution with f16 "
               "from the one with the format in force, in nats, over pieces of running texts. Flip: "
               "the most probable token is another. Pays from: the context a sequence from which "
               "decode steps are shorter than before the last change, by least squares; not said "
               "where the fit does not carry it.</p><h4>Speculation</h4><p>Accepted: a draft that "
               "the sampler picked too and that was handed out. Needed to pay: the share of one more"
               " draft for each sequence that must be accepted for a step to make as many tokens a "
               "second as without it. Wasted work: of execution the share of a step's tokens that were "
               "rejected drafts, and that share of the time that making them took.</p>"
               "<h4>Device</h4><p>A step's time: of the steps of the range whose kernels were timed, which a "
               "CPU "
               "does with every step and a GPU with one in so many. GB/s and GFLOP/s: bytes of weights and "
               "KV and "
               "floating-point operations, as the executor counts them, over the time of those kernels. "
               "Readings "
               "of a GPU are its driver's (NVML), once a second.</p>");
}

QString keys_html() {
    static constexpr std::pair<const char*, const char*> kKeys[] = {
        {"Space", "pause or resume the engine; in a replay, the playback"},
        {".", "one step"},
        {"R", "record, or end the recording"},
        {"Ctrl S", "save the session so far, recorded or not"},
        {"L", "go live"},
        {"[ and ]", "earlier and later knob change"},
        {"Shift Left, Shift Right",
         "one second back and forth; ten steps of the chart or slider that has the keyboard"},
        {"Ctrl 1 to Ctrl 9, Ctrl 0",
         "go to a panel: knobs, changes, workload, batch, KV block map, requests, latency, prefix cache, "
         "throughput, prompt; Memory, KV precision and Speculation by name with Ctrl K"},
        {"Tab, arrows, Enter", "move about in a panel and choose"},
        {"Esc", "clear the selection"},
        {"Ctrl K", "find a command, a panel or a knob"},
        {"Ctrl +, Ctrl \u2212", "larger, smaller"},
        {"Ctrl T", "light or dark"},
        {"F1", "definitions"},
        {"F11", "full screen"},
        {"Ctrl N, Ctrl O, Ctrl Q", "new session, open a recording, quit"}};
    QString html = QStringLiteral("<table cellspacing=6>");
    for (const auto& [key, what] : kKeys)
        html += QStringLiteral("<tr><td><b>%1</b></td><td>%2</td></tr>")
                    .arg(QString::fromUtf8(key).toHtmlEscaped(), QString::fromUtf8(what));
    return html + QStringLiteral("</table>");
}

QString about_html(const QString& drawing) {
    const QString text = QStringLiteral(
        "<h3>Pitwall</h3><p>A console around an LLM inference engine of its own: what the engine does, who "
        "waits for "
        "what, and every knob turned while it runs.</p><p>GPL-3.0-or-later. Built with Qt, QCustomPlot, Dear "
        "ImGui, "
        "SQLite and others; their licences are in the file LICENSE and its neighbours.</p>");
    return drawing.isEmpty() ? text : text + QStringLiteral("<p>%1</p>").arg(drawing.toHtmlEscaped());
}

}  // namespace pitwall::app
