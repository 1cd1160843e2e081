// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/memory/shape_fields.h"

#include <QEvent>
#include <cmath>

#include "telemetry/names.h"

namespace pitwall::panels {

namespace {

constexpr double kGib = 1024.0 * 1024.0 * 1024.0;
constexpr int kGap = 8, kMostColumns = 4;

QStringList model_names() {
    QStringList names;
    for (const ModelShape& shape : model_shapes()) names << QLatin1String(shape.name);
    return names << QStringLiteral("own shape");
}

QStringList kv_names() {
    QStringList names;
    for (uint8_t i = 0; i < static_cast<uint8_t>(telemetry::KvDtype::kCount); ++i) {
        const std::string_view word = telemetry::name(telemetry::KvDtype{i});
        names << QString::fromUtf8(word.data(), qsizetype(word.size()));
    }
    return names;
}

QStringList device_names() {
    QStringList names;
    for (const DeviceMemory& device : device_memories()) names << QLatin1String(device.name);
    return names << QStringLiteral("own size");
}

QStringList weight_names(bool notes) {
    QStringList names;
    for (const WeightFormat& format : weight_formats())
        names << QLatin1String(notes ? format.note : format.name);
    return names;
}

}  // namespace

ShapeFields::ShapeFields(Theme* theme, ShapesPresenter& presenter, QWidget* parent)
    : QWidget(parent),
      theme_(theme),
      presenter_(presenter),
      grid_(new QGridLayout(this)),
      model_(menu("shape_model", model_names())),
      weights_(menu("shape_weights", weight_names(false), weight_names(true))),
      kv_(menu("shape_kv", kv_names())),
      device_(menu("shape_device", device_names())),
      layers_(whole(1, 1000)),
      heads_(whole(1, 1024)),
      kv_heads_(whole(1, 1024)),
      head_dim_(whole(2, 1024, 2)),
      sliding_(whole(0, 1000)),
      window_(whole(0, 1 << 20, 128)),
      latent_(whole(0, 8192, 64)),
      rope_(whole(0, 1024, 16)),
      devices_(whole(1, 1024)),
      context_(whole(1, 1 << 24, 1024)),
      prompt_(whole(0, 1 << 24, 128)),
      output_(whole(0, 1 << 24, 128)),
      parameters_(number(0.001, 100'000, 1, 3, " G")),
      memory_(number(0.01, 10'000, 1, 2, " GiB")),
      fraction_(number(.05, 1, .05, 2, "")) {
    build();
    connect_menus();
    show_question();
    take_theme();
}

MenuButton* ShapeFields::menu(const char* object, const QStringList& choices, const QStringList& tips) {
    auto* button = new MenuButton(theme_, this);
    button->setObjectName(QLatin1String(object));
    button->set_choices(choices, tips);
    button->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    return button;
}

QSpinBox* ShapeFields::whole(int least, int most, int step) {
    auto* box = new QSpinBox(this);
    box->setRange(least, most);
    box->setSingleStep(step);
    box->setGroupSeparatorShown(true);
    connect(box, &QSpinBox::valueChanged, this, &ShapeFields::take_fields);
    return box;
}

QDoubleSpinBox* ShapeFields::number(double least, double most, double step, int decimals,
                                    const char* suffix) {
    auto* box = new QDoubleSpinBox(this);
    box->setDecimals(decimals);
    box->setRange(least, most);
    box->setSingleStep(step);
    box->setSuffix(QLatin1String(suffix));
    connect(box, &QDoubleSpinBox::valueChanged, this, &ShapeFields::take_fields);
    return box;
}

void ShapeFields::add(const char* name, QWidget* editor, const char* help, int span) {
    auto* label = new QLabel(QLatin1String(name), this);
    label->setBuddy(editor);
    label->setToolTip(QLatin1String(help));
    editor->setAccessibleName(QLatin1String(name));
    if (auto* box = qobject_cast<QAbstractSpinBox*>(editor)) {
        box->setToolTip(QLatin1String(help));
        box->setLocale(QLocale(QLocale::English, QLocale::UnitedStates));  // commas, as everywhere here
        box->setButtonSymbols(QAbstractSpinBox::NoButtons);                // wheel and Up, Down turn them
        box->setFocusPolicy(Qt::StrongFocus);  // the wheel scrolls the page otherwise
        box->installEventFilter(this);
        box->setMinimumWidth(0);
    }
    fields_.push_back({label, editor, span});
}

void ShapeFields::build() {
    grid_->setContentsMargins(12, 2, 12, 4);
    grid_->setHorizontalSpacing(kGap);
    grid_->setVerticalSpacing(1);
    add("model", model_, "A public model's shape; what is typed below makes it an own one", 2);
    add("weights", weights_, "How a weight is stored");
    add("kv_cache_dtype", kv_, "How keys and values are stored, as the knob has it");
    add("device", device_, "Memory as its driver tells it");
    add("memory", memory_, "Of one device");
    add("fraction", fraction_, "Of it that weights and KV may take; activations come out of the rest");
    add("devices", devices_, "Tensor parallel degree: each holds its share of weights and KV heads");
    add("prompt, tok", prompt_, "Prompt tokens of a request");
    add("output, tok", output_, "Output tokens of a request");
    add("context, tok", context_, "The longest request there may be");
    add("parameters", parameters_, "Weights of the model, in thousand millions");
    add("layers", layers_, "Layers that keep keys and values");
    add("query heads", heads_, "Query heads of a layer");
    add("KV heads", kv_heads_, "As many as query heads: MHA; fewer: GQA; one: MQA");
    add("head_dim", head_dim_, "Values of a head");
    add("sliding layers", sliding_, "Layers that attend to a window of the last tokens only");
    add("window, tok", window_, "Tokens that they see; 0: none slides");
    add("MLA latent", latent_, "Values of the latent vector; 0: keys and values by head");
    add("MLA rope", rope_, "Values of the rotated part of the key");
    for (size_t i = 1; i < fields_.size(); ++i) setTabOrder(fields_[i - 1].editor, fields_[i].editor);
    set_columns(kMostColumns);
}

void ShapeFields::set_columns(int columns) {
    if (columns == columns_) return;
    columns_ = columns;
    int row = 0, column = 0;
    for (const Field& field : fields_) {
        if (column + field.span > columns) column = 0, ++row;
        grid_->addWidget(field.name, 2 * row, column, 1, field.span);
        grid_->addWidget(field.editor, 2 * row + 1, column, 1, field.span);
        column += field.span;
    }
    for (int i = 0; i < kMostColumns; ++i) grid_->setColumnStretch(i, i < columns ? 1 : 0);
}

void ShapeFields::connect_menus() {
    connect(model_, &MenuButton::chosen, this, [this](int index) {
        if (size_t(index) < model_shapes().size()) presenter_.choose_shape(size_t(index));
        show_question();
        emit changed();
    });
    connect(device_, &MenuButton::chosen, this, [this](int index) {
        if (size_t(index) >= device_memories().size()) return show_question();
        MemoryQuestion question = presenter_.question();
        question.device_bytes = device_memories()[size_t(index)].mib * kGib / 1024;
        presenter_.set_question(question);
        show_question();
        emit changed();
    });
    connect(weights_, &MenuButton::chosen, this, &ShapeFields::take_fields);
    connect(kv_, &MenuButton::chosen, this, &ShapeFields::take_fields);
}

void ShapeFields::show_question() {
    showing_ = true;
    const MemoryQuestion& q = presenter_.question();
    const ModelShape& s = q.shape;
    const std::pair<QSpinBox*, uint64_t> counts[] = {
        {layers_, s.layers},          {heads_, s.heads},
        {kv_heads_, s.kv_heads},      {head_dim_, s.head_dim},
        {sliding_, s.sliding_layers}, {window_, s.window_tokens},
        {latent_, s.latent_dim},      {rope_, s.rope_dim},
        {devices_, q.devices},        {context_, q.context_tokens},
        {prompt_, q.prompt_tokens},   {output_, q.output_tokens}};
    for (const auto& [box, value] : counts) box->setValue(int(value));
    parameters_->setValue(double(s.parameters) / 1e9);
    memory_->setValue(q.device_bytes / kGib);
    fraction_->setValue(q.fraction);
    show_choices();
    showing_ = false;
}

/// What follows from the numbers. A field that somebody types into is left alone.
void ShapeFields::show_choices() {
    const MemoryQuestion& q = presenter_.question();
    model_->set_current(int(presenter_.shape_index().value_or(model_shapes().size())));
    device_->set_current(int(presenter_.device_index().value_or(device_memories().size())));
    const auto formats = weight_formats();
    for (size_t i = 0; i < formats.size(); ++i)
        if (formats[i].bits == q.weight_bits) weights_->set_current(int(i));
    kv_->set_current(int(q.kv));
}

/// A number that the field shows rounded stays exact as long as nobody changes it.
void ShapeFields::take_fields() {
    if (showing_) return;
    MemoryQuestion q = presenter_.question();
    ModelShape& s = q.shape;
    const auto count = [](const QSpinBox* box) { return uint32_t(box->value()); };
    s.layers = count(layers_), s.heads = count(heads_), s.kv_heads = count(kv_heads_);
    s.head_dim = count(head_dim_), s.sliding_layers = count(sliding_), s.window_tokens = count(window_);
    s.latent_dim = count(latent_), s.rope_dim = count(rope_);
    if (std::abs(parameters_->value() - double(s.parameters) / 1e9) > 6e-4)
        s.parameters = uint64_t(std::llround(parameters_->value() * 1e9));
    if (std::abs(memory_->value() - q.device_bytes / kGib) > 6e-3) q.device_bytes = memory_->value() * kGib;
    q.fraction = fraction_->value(), q.devices = count(devices_);
    q.context_tokens = count(context_), q.prompt_tokens = count(prompt_), q.output_tokens = count(output_);
    q.weight_bits = weight_formats()[size_t(weights_->current())].bits;
    q.kv = static_cast<telemetry::KvDtype>(kv_->current());
    presenter_.set_question(q);
    show_choices();
    emit changed();
}

/// The wheel over a field turns it once it has the keyboard: until then one scrolls.
bool ShapeFields::eventFilter(QObject* watched, QEvent* event) {
    const auto* editor = qobject_cast<QWidget*>(watched);
    if (event->type() == QEvent::Wheel && editor != nullptr && !editor->hasFocus()) {
        event->ignore();
        return true;
    }
    return QWidget::eventFilter(watched, event);
}

void ShapeFields::take_theme() {
    const QString colour = theme_->color("text.secondary").name();
    for (const Field& field : fields_) {
        field.name->setFont(theme_->words("small"));
        field.name->setStyleSheet(QStringLiteral("color: %1").arg(colour));
        field.editor->setFont(theme_->numbers("small"));
    }
}

}  // namespace pitwall::panels
