// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/knobs/knobs_panel.h"

#include <QFileDialog>
#include <QFileInfo>
#include <QKeyEvent>
#include <QLabel>
#include <QPushButton>
#include <QScrollArea>
#include <QScrollBar>
#include <QVBoxLayout>
#include <algorithm>

#include "presets/preset.h"

namespace pitwall::panels {

using presets::KnobId;

namespace {
constexpr int kTickMs = 25;
constexpr int kScrollingMs = 400;  ///< one turn of the wheel over a list stays a scroll for so long
constexpr int kShowAll = 0;
}  // namespace

KnobsPanel::KnobsPanel(PanelContext context, QWidget* parent)
    : Panel(context, parent),
      presenter_(*context.store, *context.control, context.replay),
      filter_(new SegmentedControl(context.theme, {QStringLiteral("All"), QStringLiteral("Changed")}, this)),
      scroll_(new QScrollArea(this)),
      note_(new QLabel(this)),
      none_(new QLabel(QStringLiteral("No knob was moved in this session."), this)) {
    clock_.start();
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 2, 0, 0);
    layout->setSpacing(0);
    add_rows();
    layout->addWidget(scroll_, 1);
    layout->addWidget(make_footer());
    tick_.setInterval(kTickMs);
    connect(&tick_, &QTimer::timeout, this, &KnobsPanel::tick);
    connect(filter_, &SegmentedControl::chosen, this, &KnobsPanel::show_which);
    connect(scroll_->verticalScrollBar(), &QScrollBar::valueChanged, this, [this] { scrolled_.start(); });
    show_rows();
}

void KnobsPanel::add_rows() {
    auto* list = new QWidget(scroll_);
    auto* column = new QVBoxLayout(list);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    for (const presets::KnobSpec& spec : presets::knob_table()) {
        const QString group = to_qstring(spec.group);
        if (!headers_.contains(group)) {
            auto* header = new KnobGroupHeader(context_.theme, group, headers_.empty(), list);
            connect(header, &KnobGroupHeader::toggled, this, &KnobsPanel::show_which);
            headers_.emplace(group, header);
            column->addWidget(header);
        }
        auto* row = new KnobRow(context_.theme, spec, list);
        rows_.push_back(row);
        row->installEventFilter(this);
        connect_row(row, spec.id);
        column->addWidget(row);
    }
    none_->setObjectName(QStringLiteral("no_changed_knob"));
    none_->setAlignment(Qt::AlignCenter);
    none_->setWordWrap(true);
    none_->setMargin(12);
    none_->hide();
    column->addWidget(none_);
    column->addStretch(1);
    scroll_->setWidget(list);
    scroll_->setWidgetResizable(true);
    scroll_->setFrameShape(QFrame::NoFrame);
    scroll_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    scroll_->setFocusPolicy(Qt::NoFocus);
    scroll_->viewport()->setAutoFillBackground(false);
    list->setAutoFillBackground(false);
}

void KnobsPanel::connect_row(KnobRow* row, KnobId id) {
    connect(row, &KnobRow::dragged, this, [this, id](double position) {
        presenter_.drag(id, position, now_ms());
        show_rows();
    });
    connect(row, &KnobRow::drag_ended, this, [this, id] {
        presenter_.end_drag(id, now_ms());
        show_rows();
    });
    connect(row, &KnobRow::stepped, this, [this, id](int steps) {
        presenter_.step(id, steps, now_ms());
        show_rows();
    });
    connect(row, &KnobRow::chosen, this, [this, id](double value) {
        presenter_.set(id, value, now_ms());
        show_rows();
    });
    connect(row, &KnobRow::entered, this, [this, id](const QString& text) {
        presenter_.enter(id, text, now_ms());
        show_rows();
    });
    connect(row, &KnobRow::reset, this, [this, id] {
        presenter_.reset(id, now_ms());
        show_rows();
    });
}

QWidget* KnobsPanel::make_footer() {
    auto* footer = new QWidget(this);
    auto* column = new QVBoxLayout(footer);
    column->setContentsMargins(12, 4, 12, 8);
    column->setSpacing(4);
    note_->setObjectName(QStringLiteral("knobs_note"));
    note_->setFont(context_.theme->words("small"));
    note_->setWordWrap(true);
    note_->hide();
    column->addWidget(note_);
    auto* line = new QHBoxLayout;
    line->setSpacing(6);
    column->addLayout(line);
    const auto button = [&](const QString& text, const QString& name, const QString& tip, auto action) {
        auto* made = new QPushButton(text, footer);
        made->setObjectName(name);
        made->setToolTip(tip);
        made->setFont(context_.theme->words("small", 500));
        made->setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);
        connect(made, &QPushButton::clicked, this, action);
        connect(context_.theme, &Theme::changed, made,
                [made, theme = context_.theme] { made->setFont(theme->words("small", 500)); });
        line->addWidget(made);
        return made;
    };
    QPushButton* flush =
        button(QStringLiteral("Flush cache"), QStringLiteral("flush_prefix_cache"),
               QStringLiteral("Prefix cache: drop every cached block that no request holds"), [this] {
                   presenter_.flush_prefix_cache(now_ms());
                   show_rows();
               });
    QPushButton* load =
        button(QStringLiteral("Load"), QStringLiteral("load_preset"),
               QStringLiteral("Load a preset: its knobs are set at once"), [this] { ask_load(); });
    button(QStringLiteral("Save"), QStringLiteral("save_preset"),
           QStringLiteral("Save the knobs that are not at their default as a preset"),
           [this] { ask_save(); });
    flush->setEnabled(!context_.replay);
    load->setEnabled(!context_.replay);
    line->addStretch(1);
    return footer;
}

void KnobsPanel::refresh() {
    presenter_.refresh(now_ms());
    show_rows();
}

void KnobsPanel::tick() {
    presenter_.refresh(now_ms());
    show_rows();
    if (!presenter_.busy()) tick_.stop();
}

void KnobsPanel::show_rows() {
    if (presenter_.busy() && !tick_.isActive()) tick_.start();
    if (presenter_.version() == shown_version_) return;
    shown_version_ = presenter_.version();
    bool filter_moved = false;
    for (size_t i = 0; i < rows_.size(); ++i) {
        const KnobRowView& view = presenter_.rows()[i];
        filter_moved = filter_moved || view.changed != rows_[i]->view().changed;
        rows_[i]->show_view(view);
    }
    say(presenter_.flush_text());
    if (filter_moved) show_which();
    if (presenter_.scope() != shown_scope_) {
        shown_scope_ = presenter_.scope();
        emit scope_changed();
    }
}

void KnobsPanel::show_which() {
    std::map<QString, bool> any;
    for (KnobRow* row : rows_) {
        const bool wanted = filter_->current() == kShowAll || row->view().changed;
        KnobGroupHeader* header = headers_.at(row->view().group);
        row->setVisible(wanted && !header->folded());
        any[row->view().group] |= wanted;
    }
    bool some = false;
    for (const auto& [group, header] : headers_) {
        header->setVisible(any[group]);
        some |= any[group];
    }
    none_->setFont(context_.theme->words("body"));
    none_->setStyleSheet(QStringLiteral("color: %1;").arg(context_.theme->color("text.secondary").name()));
    none_->setVisible(!some);
}

void KnobsPanel::show_knob(const QString& name) {
    const auto named = [&](const KnobRow* row) { return row->objectName() == name; };
    const auto found = std::find_if(rows_.begin(), rows_.end(), named);
    if (found == rows_.end()) return;
    KnobRow* row = *found;
    filter_->set_current(kShowAll);
    headers_.at(row->view().group)->set_folded(false);
    row->setFocus(Qt::ShortcutFocusReason);
    // Once more when the list has laid itself out.
    const auto scroll = [this, row] { scroll_->ensureWidgetVisible(row, 0, 0); };
    QMetaObject::invokeMethod(row, scroll, Qt::QueuedConnection);
}

bool KnobsPanel::eventFilter(QObject* watched, QEvent* event) {
    if (event->type() == QEvent::Wheel)
        if (auto* row = qobject_cast<KnobRow*>(watched))
            row->set_wheel_locked(scrolled_.isValid() && scrolled_.elapsed() < kScrollingMs);
    if (event->type() == QEvent::FocusIn)
        if (auto* row = qobject_cast<KnobRow*>(watched)) scroll_->ensureWidgetVisible(row, 0, 0);
    return Panel::eventFilter(watched, event);
}

// ---------------------------------------------------------------------------------------------- presets

Status KnobsPanel::save_preset(const QString& path) const {
    presets::Preset preset;
    preset.name = QFileInfo(path).completeBaseName().toStdString();
    for (const presets::KnobSpec& spec : presets::knob_table()) {
        const double value = presenter_.row(spec.id).value;
        if (value != spec.default_value) preset.values.set(spec.id, value);
    }
    return presets::save_preset(path.toStdString(), preset);
}

Status KnobsPanel::load_preset(const QString& path) {
    const auto preset = presets::load_preset(path.toStdString());
    if (!preset.ok()) return preset.error();
    for (const presets::KnobSpec& spec : presets::knob_table())
        if (preset.value().values.given(spec.id))
            presenter_.set(spec.id, preset.value().values.get(spec.id), now_ms());
    show_rows();
    return {};
}

void KnobsPanel::ask_load() {
    auto* dialog =
        new QFileDialog(this, QStringLiteral("Load preset"), {}, QStringLiteral("Presets (*.json)"));
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    connect(dialog, &QFileDialog::fileSelected, this,
            [this](const QString& path) { report(load_preset(path)); });
    dialog->open();  // not exec(): the window goes on while one looks for a file
}

void KnobsPanel::ask_save() {
    auto* dialog =
        new QFileDialog(this, QStringLiteral("Save preset"), {}, QStringLiteral("Presets (*.json)"));
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setAcceptMode(QFileDialog::AcceptSave);
    dialog->setDefaultSuffix(QStringLiteral("json"));
    connect(dialog, &QFileDialog::fileSelected, this,
            [this](const QString& path) { report(save_preset(path)); });
    dialog->open();
}

void KnobsPanel::report(const Status& status) {
    if (!status.ok()) say(QString::fromStdString(status.error().text()));
}

void KnobsPanel::say(const QString& sentence) {
    note_->setText(sentence);
    note_->setVisible(!sentence.isEmpty());
}

}  // namespace pitwall::panels
