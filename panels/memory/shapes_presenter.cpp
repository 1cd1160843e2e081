// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/memory/shapes_presenter.h"

#include <algorithm>
#include <cmath>

#include "telemetry/kv_size.h"
#include "telemetry/names.h"

namespace pitwall::panels {

namespace {

constexpr double kMib = 1024.0 * 1024.0;

QString qstring(std::string_view text) { return QString::fromUtf8(text.data(), qsizetype(text.size())); }

ValueRow row_of(const char* name, Quantity value, const char* definition) {
    ValueRow row;
    row.name = QString::fromUtf8(name);
    row.cells = {{std::move(value), {}}};
    row.definition = QString::fromUtf8(definition);
    return row;
}

ValueRow size_row(const char* name, double bytes, const char* definition) {
    ValueRow row = row_of(name, format_memory(bytes), definition);
    row.exact = QString::number(bytes, 'f', 0);
    row.exact_unit = QStringLiteral("B");
    return row;
}

Quantity counted(uint64_t n, const char* unit) { return {format_count(int64_t(n)), QLatin1String(unit)}; }

/// "GQA, 8 KV heads", "MLA, 512 + 64"
QString attention_text(const ModelShape& shape, uint32_t kv_heads) {
    const QString kind = QLatin1String(name(shape.attention()));
    if (shape.attention() == AttentionKind::kMla)
        return QStringLiteral("%1, %2 + %3").arg(kind).arg(shape.latent_dim).arg(shape.rope_dim);
    return QStringLiteral("%1, %2 KV %3")
        .arg(kind)
        .arg(kv_heads)
        .arg(kv_heads == 1 ? QStringLiteral("head") : QStringLiteral("heads"));
}

/// "8 heads", "512 + 64": what a kind of attention keeps a key for.
QString heads_text(const ModelShape& shape) {
    if (shape.attention() == AttentionKind::kMla)
        return QStringLiteral("%1 + %2").arg(shape.latent_dim).arg(shape.rope_dim);
    return QStringLiteral("%1 %2")
        .arg(shape.kv_heads)
        .arg(shape.kv_heads == 1 ? QStringLiteral("head") : QStringLiteral("heads"));
}

QString bytes_text(double bytes) { return QString::number(bytes, 'g', 3) + QStringLiteral(" B"); }

/// "128 × 1 B + 2 B": values and scales of one token and head.
QString side_text(const telemetry::KvSideSize& side, const QString& values) {
    const QString text = QStringLiteral("%1 \u00d7 %2").arg(values, bytes_text(side.bits / 8.0));
    return side.scale_bytes() == 0
               ? text
               : text + QStringLiteral(" + %1 of scales").arg(bytes_text(side.scale_bytes()));
}

/// Without the layers: what one token takes in each.
QString layer_formula(const MemoryQuestion& q) {
    const ModelShape& s = q.shape;
    if (s.attention() == AttentionKind::kMla) {
        const auto side = telemetry::kv_sides(q.kv, s.latent_dim + s.rope_dim).k;
        const QString text = side_text(side, QStringLiteral("(%1 + %2)").arg(s.latent_dim).arg(s.rope_dim));
        return side.scale_bytes() == 0 ? text : u'(' + text + u')';
    }
    const telemetry::KvSides sides = telemetry::kv_sides(q.kv, s.head_dim);
    const uint32_t v_dim = telemetry::kv_padded_value_dim(sides.v, s.head_dim);
    const QString heads = QStringLiteral("%1 KV %2 \u00d7 ")
                              .arg(s.kv_heads)
                              .arg(s.kv_heads == 1 ? QStringLiteral("head") : QStringLiteral("heads"));
    const QString k = side_text(sides.k, QString::number(s.head_dim)),
                  v = side_text(sides.v, QString::number(v_dim));
    if (k != v) return heads + QStringLiteral("(K %1, V %2)").arg(k, v);
    return heads + (sides.k.scale_bytes() == 0 ? k : u'(' + k + u')');
}

}  // namespace

ShapesPresenter::ShapesPresenter() {
    question_.device_bytes = 81'559 * kMib;  // H100
    question_.prompt_tokens = 1024;
    question_.output_tokens = 256;
    const auto shapes = model_shapes();
    const auto first = std::find_if(shapes.begin(), shapes.end(), [](const ModelShape& s) {
        return s.name == std::string_view("Llama-3.1-8B");
    });
    choose_shape(first == shapes.end() ? 0 : size_t(first - shapes.begin()));
}

void ShapesPresenter::set_question(const MemoryQuestion& question) {
    question_ = question;
    work_out();
}

void ShapesPresenter::choose_shape(size_t index) {
    question_.shape = model_shapes()[std::min(index, model_shapes().size() - 1)];
    question_.context_tokens = question_.shape.max_context_tokens;
    work_out();
}

std::optional<size_t> ShapesPresenter::shape_index() const {
    const auto shapes = model_shapes();
    const auto same = std::find(shapes.begin(), shapes.end(), question_.shape);
    return same == shapes.end() ? std::nullopt : std::optional(size_t(same - shapes.begin()));
}

std::optional<size_t> ShapesPresenter::device_index() const {
    const auto devices = device_memories();
    const auto same = std::find_if(devices.begin(), devices.end(), [&](const DeviceMemory& d) {
        return std::abs(d.mib * kMib - question_.device_bytes) < 6 * kMib;  // shown in hundredths of a GiB
    });
    return same == devices.end() ? std::nullopt : std::optional(size_t(same - devices.begin()));
}

void ShapesPresenter::work_out() {
    plan_ = plan_memory(question_);
    results_.clear();
    describe_model();
    describe_requests();
    describe_kinds();
    write_formulas();
}

void ShapesPresenter::describe_model() {
    const ModelShape& s = question_.shape;
    const bool split = question_.devices > 1;
    ValueRow weights = size_row("Weights", plan_.weight_bytes,
                                "Parameters \u00d7 bits of a weight, shared evenly by the devices");
    if (split) weights.note = QStringLiteral("of %1").arg(format_memory(plan_.model_bytes).text());
    results_.push_back(std::move(weights));
    ValueRow token = row_of("Bytes a token", format_bytes(plan_.token_bytes),
                            "K and V of one token over all layers, scales included, on one device");
    token.note = attention_text(s, plan_.kv_heads);
    if (split && question_.devices > s.kv_heads && s.attention() != AttentionKind::kMla)
        token.note += QStringLiteral(", repeated");
    if (split && s.attention() == AttentionKind::kMla) token.note += QStringLiteral(", on each");
    results_.push_back(std::move(token));
    if (plan_.token_beyond_window_bytes == plan_.token_bytes) return;
    ValueRow beyond =
        row_of("Beyond the window", format_bytes(plan_.token_beyond_window_bytes),
               "What a token adds once the sliding windows are full: the layers that see all alone keep it");
    beyond.note = QStringLiteral("of %1 tok, %2 of %3 layers")
                      .arg(format_count(s.window_tokens))
                      .arg(s.sliding_layers)
                      .arg(s.layers);
    results_.push_back(std::move(beyond));
}

void ShapesPresenter::describe_requests() {
    ValueRow room = size_row(
        "Room for KV", plan_.room_bytes,
        "Device memory \u00d7 fraction less weights; activations come out of the fraction left over");
    if (!plan_.fits()) {
        room.name = QStringLiteral("Weights do not fit");
        room.cells[0] = {format_memory(-plan_.room_bytes), QStringLiteral("short by")};
        room.bad = true;
    }
    results_.push_back(std::move(room));
    ValueRow request =
        size_row("KV of a request", plan_.request_bytes,
                 "K and V of prompt and output but for its last token, in whole blocks of 16 tokens");
    request.note = QStringLiteral("%1 tok").arg(format_count(int64_t(question_.request_tokens())));
    results_.push_back(std::move(request));
    results_.push_back(row_of(
        "Tokens that fit", counted(plan_.tokens, "tok"),
        "Room for KV / bytes a token; with a sliding window, over the mean of a request of this length"));
    ValueRow requests =
        row_of("Requests at once", counted(plan_.requests, "req"),
               "Room for KV / KV of a request, all of them at their end, none sharing a prefix");
    requests.strong = true;
    results_.push_back(std::move(requests));
    ValueRow contexts = row_of("Whole contexts at once", counted(plan_.contexts, "req"),
                               "Room for KV / KV of a request that fills the context");
    contexts.note = QStringLiteral("%1 tok").arg(format_count(int64_t(question_.context_tokens)));
    results_.push_back(std::move(contexts));
}

void ShapesPresenter::describe_kinds() {
    kinds_.clear();
    for (const AttentionKind kind : kAttentionKinds) {
        MemoryQuestion other = question_;
        other.shape = with_attention(question_.shape, kind);
        const MemoryPlan plan = plan_memory(other);
        const bool own = kind == question_.shape.attention();
        ValueRow row;
        row.name = QLatin1String(name(kind));
        row.note = heads_text(other.shape);
        const double factor =
            plan_.whole_token_bytes > 0 ? plan.whole_token_bytes / plan_.whole_token_bytes : 0;
        row.cells = {{format_bytes(plan.whole_token_bytes), {}},
                     {{format_fixed(factor, 2), QStringLiteral("\u00d7")}, {}},
                     {counted(plan.requests, "req"), {}}};
        row.definition = QStringLiteral(
                             "Bytes a token over all devices, beside this model's own %1, and requests at "
                             "once. Weights are taken "
                             "as they are")
                             .arg(QLatin1String(panels::name(question_.shape.attention())));
        row.strong = own;
        kinds_.push_back(std::move(row));
    }
}

void ShapesPresenter::write_formulas() {
    const telemetry::KvSides sides = telemetry::kv_sides(question_.kv, question_.shape.head_dim);
    const bool latent = question_.shape.attention() == AttentionKind::kMla;
    const bool alike =
        sides.k.bits == sides.v.bits &&
        telemetry::kv_padded_value_dim(sides.v, question_.shape.head_dim) == question_.shape.head_dim;
    token_formula_ = QStringLiteral("%1%2 layers \u00d7 %3 = %4 a token")
                         .arg(latent || !alike ? QString() : QStringLiteral("2 \u00d7 "))
                         .arg(question_.shape.layers)
                         .arg(layer_formula(question_), format_bytes(plan_.whole_token_bytes).text());
    request_formula_ =
        QStringLiteral("(%1 \u00d7 %2 \u2212 %3) / %4 = %5 requests at once")
            .arg(format_memory(question_.device_bytes).text(), format_fixed(question_.fraction, 2),
                 format_memory(plan_.weight_bytes).text(), format_memory(plan_.request_bytes).text(),
                 format_count(int64_t(plan_.requests)));
}

QString ShapesPresenter::csv() const {
    const MemoryQuestion& q = question_;
    QString text = QStringLiteral("modelled,value,unit\n");
    const auto line = [&](const char* what, const QString& value, const char* unit) {
        text += QStringLiteral("\"%1\",\"%2\",\"%3\"\n").arg(QLatin1String(what), value, QLatin1String(unit));
    };
    line("model", shape_index() ? QLatin1String(q.shape.name) : QStringLiteral("own shape"), "");
    line("weights", QString::number(q.weight_bits), "bit");
    line("kv_cache_dtype", qstring(telemetry::name(q.kv)), "");
    line("device memory", QString::number(q.device_bytes, 'f', 0), "B");
    line("devices", QString::number(q.devices), "");
    line("memory fraction", QString::number(q.fraction), "");
    line("prompt", QString::number(q.prompt_tokens), "tok");
    line("output", QString::number(q.output_tokens), "tok");
    return text + csv_lines(results_) + csv_lines(kinds_);
}

}  // namespace pitwall::panels
