// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/requests/requests_panel.h"

#include <QHBoxLayout>
#include <QKeyEvent>
#include <algorithm>

#include "panels/workload/start_arrivals.h"

namespace pitwall::panels {
namespace {
constexpr int kWide = 760;  // at scale 1: table and text side by side
constexpr double kTableShare = .645;
constexpr int kFilter = 120, kUnusedFilter = 60;  // wide, at scale 1
}  // namespace

RequestsPanel::RequestsPanel(PanelContext context, QWidget* parent)
    : Panel(context, parent),
      presenter_(*context_.store),
      model_(presenter_),
      view_(new RequestsView(context_.theme, presenter_, model_, this)),
      detail_(new RequestDetail(context_, presenter_, this)),
      cancel_(new CancelBar(context_, this)),
      title_(new QWidget(this)),
      filter_(new QLineEdit(title_)),
      note_(new QLabel(this)),
      parts_(new SegmentedControl(context_.theme, {"Table", "Output", "Prompt", "Tokens"}, title_)),
      empty_(make_empty_state(
          context_, QStringLiteral("No requests yet. Start the workload, or send a prompt"), this)) {
    build_title();
    connect_all();
    setFocusProxy(view_);
}

/// The table lays itself out once more while it is hidden, and reads presenter and model for that: it goes before them.
RequestsPanel::~RequestsPanel() { delete view_; }

void RequestsPanel::build_title() {
    auto* row = new QHBoxLayout(title_);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(context_.theme->px("m"));
    row->addStretch(1);
    row->addWidget(filter_);
    row->addWidget(parts_);
    filter_->setPlaceholderText(QStringLiteral("Filter  /"));
    filter_->setAccessibleName(QStringLiteral("Filter requests"));
    filter_->setToolTip(QStringLiteral("Words in the id, state, class or prompt (/). Esc clears"));
    note_->setWordWrap(true);
    note_->setToolTip(
        QStringLiteral("Such a request still shows its prompt when it is selected, if a "
                       "recording has it"));
    note_->hide();
    filter_->installEventFilter(this);
    title_->hide();  // until the title bar takes it
    const auto take_theme = [this] {
        filter_->setFont(context_.theme->words("small"));
        note_->setFont(context_.theme->words("small"));
        note_->setContentsMargins(context_.theme->px("l"), 0, context_.theme->px("l"), 0);
        note_->setStyleSheet(
            QStringLiteral("color: %1;").arg(context_.theme->color("text.secondary").name()));
        size_filter();
        if (isVisible()) lay_out();
    };
    connect(context_.theme, &Theme::changed, this, take_theme);
    take_theme();
}

void RequestsPanel::connect_all() {
    connect(view_, &RequestsView::chosen, context_.selection, &SelectionModel::select_request);
    connect(view_, &RequestsView::cleared, context_.selection, &SelectionModel::clear);
    connect(view_, &RequestsView::opened, this, &RequestsPanel::open_steps);
    connect(view_, &RequestsView::filter_asked, filter_, [this] { filter_->setFocus(); });
    connect(view_, &RequestsView::cancel_asked, this,
            [this] { cancel_->ask(presenter_.row(context_.selection->request())); });
    connect(cancel_, &CancelBar::changed, this, &RequestsPanel::lay_out);
    connect(cancel_, &CancelBar::closed, view_, [this] { view_->setFocus(); });
    connect(filter_, &QLineEdit::textChanged, this, [this](const QString& text) {
        size_filter();
        presenter_.set_filter(text);
        refresh();
    });
    connect(parts_, &SegmentedControl::chosen, this, &RequestsPanel::show_part);
    connect(context_.selection, &SelectionModel::changed, this, [this] {
        if (isVisible()) refresh();
    });
}

bool RequestsPanel::wide() const { return width() >= context_.theme->scaled(kWide); }

/// In a narrow panel a filter that nobody uses leaves the room to the words beside it.
void RequestsPanel::size_filter() {
    const bool used = wide() || filter_->hasFocus() || !filter_->text().isEmpty();
    filter_->setFixedSize(context_.theme->scaled(used ? kFilter : kUnusedFilter), context_.theme->scaled(22));
}

/// Side by side the first segment means "output too"; in a narrow panel it is the table alone.
void RequestsPanel::show_part(int segment) {
    if (segment > 0) detail_->set_show(static_cast<RequestDetail::Show>(segment - 1));
    lay_out();
    detail_->refresh();
}

/// Where a panel grows wide or narrow the table stays: the segments change their meaning under it.
void RequestsPanel::choose_parts() {
    if (wide() == beside_) return;
    beside_ = wide();
    parts_->set_enabled_segment(0, !beside_);
    parts_->set_current(beside_ ? std::max(1, parts_->current()) : 0);
}

void RequestsPanel::lay_out() {
    choose_parts();
    size_filter();
    const int bar = cancel_->isHidden() ? 0 : context_.theme->scaled(30);
    const bool table = wide() || parts_->current() == 0;
    const int table_width = wide() ? static_cast<int>(width() * kTableShare) : width();
    const int note = table ? note_height(table_width) : 0;
    note_->setVisible(note > 0);
    note_->setGeometry(0, height() - bar - note, table_width, note);
    view_->setVisible(table);
    detail_->setVisible(wide() || !table);
    // Whole rows: the last one is not cut in half.
    const int row = context_.theme->px("row"), head = view_->horizontalHeader()->height(),
              room = height() - bar - note - head;
    view_->setGeometry(0, 0, table_width - (wide() ? context_.theme->scaled(6) : 0),
                       head + std::max(room / row * row, row));
    detail_->setGeometry(wide() ? table_width : 0, 0, wide() ? width() - table_width : width(),
                         height() - (wide() ? 0 : bar));
    cancel_->setGeometry(0, height() - bar, table_width, bar);
}

int RequestsPanel::note_height(int width) const {
    return note_->text().isEmpty() ? 0 : note_->heightForWidth(width) + context_.theme->scaled(6);
}

void RequestsPanel::show_note() {
    const QString now = presenter_.unsearched_note();
    if (now == note_->text()) return;
    note_->setText(now);
    lay_out();
}

void RequestsPanel::refresh() {
    const auto place = view_->place_of_selected();
    presenter_.hold_order(view_->aimed_at());
    const auto change = presenter_.refresh();
    view_->take(change);
    if (place && change == RequestsPresenter::Change::kOrder) view_->put_selected_at(*place);
    const RequestId selected = context_.selection->request();
    view_->follow(selected);
    detail_->set_request(selected);
    if (detail_->isVisible()) detail_->refresh();
    show_note();
    show_empty_state(*empty_, context_, presenter_.empty());
    if (const QString now = presenter_.scope(); now != scope_) {
        scope_ = now;
        emit scope_changed();
    }
}

/// Enter: the newest step that the selected request was in.
void RequestsPanel::open_steps() {
    const RequestId request = context_.selection->request();
    const auto& steps = context_.store->steps();
    const auto has = [&](const telemetry::StepRow& step) {
        return std::any_of(step.members.begin(), step.members.end(),
                           [&](const auto& m) { return m.request == request; });
    };
    const auto found = std::find_if(steps.rbegin(), steps.rend(), has);
    if (found != steps.rend()) context_.selection->select_step(StepId{found->step.step_id});
}

bool RequestsPanel::eventFilter(QObject* watched, QEvent* event) {
    if (watched == filter_ && (event->type() == QEvent::FocusIn || event->type() == QEvent::FocusOut))
        QMetaObject::invokeMethod(this, &RequestsPanel::size_filter, Qt::QueuedConnection);  // it has it then
    if (watched != filter_ || event->type() != QEvent::KeyPress) return Panel::eventFilter(watched, event);
    const int key = static_cast<QKeyEvent*>(event)->key();
    if (key == Qt::Key_Escape) filter_->clear();
    if (key != Qt::Key_Escape && key != Qt::Key_Return && key != Qt::Key_Enter && key != Qt::Key_Down)
        return false;
    view_->setFocus();
    return true;
}

void RequestsPanel::resizeEvent(QResizeEvent* /*event*/) { lay_out(); }

void RequestsPanel::showEvent(QShowEvent* /*event*/) {
    lay_out();
    refresh();
}

}  // namespace pitwall::panels
