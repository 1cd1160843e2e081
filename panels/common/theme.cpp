// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/common/theme.h"

#include <QFile>
#include <QHash>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QPainter>
#include <QPixmap>
#include <QSvgRenderer>
#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

// A static library's resources are linked in only when somebody names them; the macro declares a function of the
// global namespace, so this stands outside of any other.
static void load_resources() { Q_INIT_RESOURCE(pitwall); }

namespace pitwall::panels {

namespace {

constexpr size_t kCauses = static_cast<size_t>(telemetry::Cause::kCount);
constexpr std::array<const char*, kCauses> kCauseTokens = {
    "cause.wait_capacity", "cause.wait_budget", "cause.wait_policy", "cause.paused",
    "cause.not_in_step",   "cause.recorder",    "cause.prefill_own", "cause.prefill_others",
    "cause.decode",        "cause.speculation", "cause.preempted",   "cause.kv_move",
    "cause.sampling",      "cause.scheduling",  "cause.delivery",    "cause.restart"};
constexpr std::array<const char*, kCauses> kCauseNames = {"waiting for capacity",
                                                          "waiting for budget",
                                                          "waiting by policy",
                                                          "paused",
                                                          "not in this step",
                                                          "recorder",
                                                          "own prefill",
                                                          "others' prefill",
                                                          "decode",
                                                          "drafts",
                                                          "preempted",
                                                          "moving KV",
                                                          "sampling",
                                                          "scheduling",
                                                          "delivery",
                                                          "device restart"};

constexpr std::array<const char*, static_cast<size_t>(telemetry::KvDtype::kCount)> kFormatTokens = {
    "kv_format.f32",  "kv_format.f16",  "kv_format.bf16", "kv_format.fp8",
    "kv_format.int8", "kv_format.k8v4", "kv_format.int4"};

double linear_to_srgb(double c) { return c <= .0031308 ? 12.92 * c : 1.055 * std::pow(c, 1 / 2.4) - .055; }

std::array<double, 3> oklch_to_linear(double lightness, double chroma, double hue_degrees) {
    const double h = hue_degrees * M_PI / 180, a = chroma * std::cos(h), b = chroma * std::sin(h);
    const double l = std::pow(lightness + .3963377774 * a + .2158037573 * b, 3);
    const double m = std::pow(lightness - .1055613458 * a - .0638541728 * b, 3);
    const double s = std::pow(lightness - .0894841775 * a - 1.2914855480 * b, 3);
    return {4.0767416621 * l - 3.3077115913 * m + .2309699292 * s,
            -1.2684380046 * l + 2.6097574011 * m - .3413193965 * s,
            -.0041960863 * l - .7034186147 * m + 1.7076147010 * s};
}

bool in_gamut(const std::array<double, 3>& rgb) {
    return std::all_of(rgb.begin(), rgb.end(), [](double c) { return c >= -1e-4 && c <= 1.0001; });
}

void flatten(const QJsonObject& object, const QString& prefix, QHash<QByteArray, QColor>& out) {
    for (auto it = object.begin(); it != object.end(); ++it) {
        if (it->isString()) out.insert((prefix + it.key()).toLatin1(), QColor(it->toString()));
        if (it->isObject()) flatten(it->toObject(), prefix + it.key() + u'.', out);
    }
}

QStringList strings(const QJsonArray& array) {
    QStringList out;
    for (const auto& value : array) out << value.toString();
    return out;
}

}  // namespace

/// tokens.json as the getters want it.
class Theme::Tokens {
  public:
    struct Requests {
        std::array<double, 3> lightness{};
        double chroma = 0;
        std::vector<std::pair<double, double>> arcs;  ///< degrees
    };

    Tokens() {
        load_resources();
        QFile file(QStringLiteral(":/pitwall/tokens.json"));
        [[maybe_unused]] const bool opened = file.open(QIODevice::ReadOnly);
        Q_ASSERT_X(opened, "Theme", "tokens.json is compiled in");
        const QJsonObject root = QJsonDocument::fromJson(file.readAll()).object();
        read_colours(root["themes"].toObject());
        const QJsonObject type = root["type"].toObject();
        words_ = strings(type["ui"].toArray());
        numbers_ = strings(type["number"].toArray());
        for (const char* group : {"space_px", "size_px"})
            read_sizes(root[QLatin1String(group)].toObject(), sizes_);
        read_sizes(type["sizes_px"].toObject(), type_sizes_);
    }

    QColor color(Mode mode, const char* token) const {
        const auto& colours = colours_[static_cast<size_t>(mode)];
        const auto it = colours.constFind(QByteArray::fromRawData(token, qstrlen(token)));
        Q_ASSERT_X(it != colours.constEnd(), "Theme::color", token);
        return it == colours.constEnd() ? QColor(Qt::magenta) : *it;
    }
    int size(const char* name) const { return find(sizes_, name); }
    int type_size(const char* name) const { return find(type_sizes_, name); }

    /// The same object for the same wish: what Qt finds out about a font it finds out once.
    QFont font(bool numbers, int pixels, int weight) {
        auto it = fonts_.find({numbers, pixels, weight});
        if (it != fonts_.end()) return it->second;
        QFont font;
        font.setFamilies(numbers ? numbers_ : words_);
        font.setPixelSize(pixels);
        font.setWeight(static_cast<QFont::Weight>(weight));
        return fonts_.emplace(std::tuple(numbers, pixels, weight), font).first->second;
    }

    QColor request(Mode mode, uint32_t n) {
        auto& known = known_requests_[static_cast<size_t>(mode)];
        if (known.size() > 1 << 16) known.clear();  // a console left open for a week does not grow
        auto it = known.find(n);
        if (it == known.end()) it = known.insert(n, request_colour(requests_[static_cast<size_t>(mode)], n));
        return *it;
    }

  private:
    static int find(const QHash<QByteArray, int>& sizes, const char* name) {
        const auto it = sizes.constFind(QByteArray::fromRawData(name, qstrlen(name)));
        Q_ASSERT_X(it != sizes.constEnd(), "Theme", name);
        return it == sizes.constEnd() ? 0 : *it;
    }
    static void read_sizes(const QJsonObject& object, QHash<QByteArray, int>& out) {
        for (auto it = object.begin(); it != object.end(); ++it)
            out.insert(it.key().toLatin1(), qRound(it->toDouble()));
    }
    void read_colours(const QJsonObject& themes) {
        for (const auto& [mode, name] : {std::pair{Mode::kDark, "dark"}, std::pair{Mode::kLight, "light"}}) {
            const QJsonObject theme = themes[QLatin1String(name)].toObject();
            const auto index = static_cast<size_t>(mode);
            flatten(theme, {}, colours_[index]);
            const QJsonObject request = theme["request"].toObject();
            for (int i = 0; i < 3; ++i)
                requests_[index].lightness[size_t(i)] = request["L"].toArray()[i].toDouble();
            requests_[index].chroma = request["C"].toDouble();
            const QJsonArray arcs = request["hue_arcs"].toArray();
            for (const auto& arc : arcs)
                requests_[index].arcs.emplace_back(arc.toArray()[0].toDouble(), arc.toArray()[1].toDouble());
        }
    }
    /// Golden-ratio steps along the allowed arcs, three lightnesses in turn: neighbours in arrival look
    /// different.
    static QColor request_colour(const Requests& r, uint32_t n) {
        double total = 0, whole = 0, hue = 0;
        for (const auto& [from, to] : r.arcs) total += to - from;
        double at = std::modf(n * .6180339887498949, &whole) * total;
        for (const auto& [from, to] : r.arcs) {
            hue = from + at;
            if (at < to - from) break;
            at -= to - from;
        }
        return oklch(r.lightness[n % 3], r.chroma, std::fmod(hue, 360));
    }

    std::array<QHash<QByteArray, QColor>, 2> colours_;
    std::array<QHash<uint32_t, QColor>, 2> known_requests_;
    std::array<Requests, 2> requests_;
    QHash<QByteArray, int> sizes_, type_sizes_;
    QStringList words_, numbers_;
    std::map<std::tuple<bool, int, int>, QFont>
        fonts_;  ///< few: sizes are held within kMinScale and kMaxScale
};

Theme::Theme(Mode mode, QObject* parent)
    : QObject(parent), mode_(mode), tokens_(std::make_unique<Tokens>()) {}
Theme::~Theme() = default;

void Theme::set_mode(Mode mode) {
    if (mode == mode_) return;
    mode_ = mode;
    emit changed();
}

void Theme::set_scale(double scale) {
    const double held = std::clamp(scale, kMinScale, kMaxScale);
    if (held == scale_) return;
    scale_ = held;
    emit changed();
}

QColor Theme::color(const char* token) const { return tokens_->color(mode_, token); }
QColor Theme::cause(telemetry::Cause cause) const {
    return color(kCauseTokens.at(static_cast<size_t>(cause)));
}

QColor Theme::work(telemetry::WorkKind kind) const {
    switch (kind) {
        case telemetry::WorkKind::kPrefill:
            return color("work.prefill");
        case telemetry::WorkKind::kRecompute:
            return color("cause.preempted");
        case telemetry::WorkKind::kDraft:
            return color("work.draft_accepted");
        default:
            return color("work.decode");
    }
}

QColor Theme::request(RequestId id) const { return tokens_->request(mode_, raw(id)); }

QFont Theme::words(const char* size, int weight) const {
    return tokens_->font(false, scaled(tokens_->type_size(size)), weight);
}

QFont Theme::numbers(const char* size, int weight) const {
    return tokens_->font(true, scaled(tokens_->type_size(size)), weight);
}

int Theme::px(const char* size) const { return scaled(tokens_->size(size)); }

QIcon Theme::icon(const char* name, const char* token) const {
    QFile file(QStringLiteral(":/pitwall/icons/%1.svg").arg(QLatin1String(name)));
    [[maybe_unused]] const bool opened = file.open(QIODevice::ReadOnly);
    Q_ASSERT_X(opened, "Theme::icon", name);
    QByteArray svg = file.readAll();
    svg.replace("currentColor", color(token).name().toLatin1());
    QSvgRenderer renderer(svg);
    QIcon icon;
    for (const int factor : {1, 2}) {
        QPixmap pixmap(px("icon") * factor, px("icon") * factor);
        pixmap.fill(Qt::transparent);
        QPainter painter(&pixmap);
        renderer.render(&painter);
        painter.end();
        pixmap.setDevicePixelRatio(factor);
        icon.addPixmap(pixmap);
    }
    return icon;
}

const char* kv_format_token(telemetry::KvDtype dtype) { return kFormatTokens.at(static_cast<size_t>(dtype)); }
QColor Theme::kv_format(telemetry::KvDtype dtype) const { return color(kv_format_token(dtype)); }

const char* cause_name(telemetry::Cause cause) { return kCauseNames.at(static_cast<size_t>(cause)); }

QColor oklch(double lightness, double chroma, double hue_degrees) {
    auto rgb = oklch_to_linear(lightness, chroma, hue_degrees);
    while (chroma > 0 && !in_gamut(rgb)) {
        chroma = std::max(0.0, chroma - .002);
        rgb = oklch_to_linear(lightness, chroma, hue_degrees);
    }
    const auto channel = [](double c) {
        return qRound(255 * std::clamp(linear_to_srgb(std::clamp(c, 0.0, 1.0)), 0.0, 1.0));
    };
    return {channel(rgb[0]), channel(rgb[1]), channel(rgb[2])};
}

}  // namespace pitwall::panels
