// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/kv_block_map/kv_block_map_panel.h"

namespace pitwall::panels {

KvBlockMapPanel::KvBlockMapPanel(PanelContext context, QWidget* parent)
    : Panel(context, parent),
      presenter_(*context_.store),
      view_(new KvMapView(context_, presenter_, this)),
      modes_(new SegmentedControl(context_.theme, {"State", "Owner", "Age", "Fill", "Precision"}, this)),
      empty_(new EmptyState(
          context_.theme, QStringLiteral("No blocks yet. The map fills with the engine's first keyframe"),
          QStringLiteral("Ask for one"), [this] { context_.control->request_keyframe(); }, this)) {
    setFocusProxy(view_);
    modes_->hide();  // until the title bar takes it
    connect(modes_, &SegmentedControl::chosen, this, [this](int mode) {
        presenter_.set_mode(static_cast<KvMode>(mode));
        refresh();
    });
    connect(view_, &KvMapView::moved, this, &KvBlockMapPanel::refresh);
    connect(context_.theme, &Theme::changed, this, &KvBlockMapPanel::take_theme);
    connect(context_.selection, &SelectionModel::changed, this, [this] {
        if (isVisible()) refresh();
    });
    take_theme();
}

void KvBlockMapPanel::take_theme() {
    const Theme* theme = context_.theme;
    const auto rgb = [theme](const char* token) { return theme->color(token).rgb(); };
    KvPalette palette{rgb("bg.panel"),     rgb("block.free"),
                      rgb("block.held"),   rgb("block.shared"),
                      rgb("block.cached"), [theme](RequestId id) { return theme->request(id).rgb(); }};
    for (size_t i = 0; i + 1 < kKvFormats; ++i)
        palette.formats[i] = theme->kv_format(static_cast<telemetry::KvDtype>(i)).rgb();
    palette.formats.back() = rgb("text.disabled");
    presenter_.set_palette(std::move(palette));
    presenter_.set_size(width(), height(), theme->scale());
    if (isVisible()) refresh();
}

void KvBlockMapPanel::refresh() {
    presenter_.set_selection(context_.selection->request(), context_.selection->block());
    if (presenter_.refresh()) view_->show_frame();
    empty_->setVisible(presenter_.empty());
    empty_->offer(!context_.replay);
    if (const QString now = presenter_.scope(); now != scope_) {
        scope_ = now;
        emit scope_changed();
    }
}

void KvBlockMapPanel::resizeEvent(QResizeEvent* /*event*/) {
    view_->setGeometry(rect());
    presenter_.set_size(width(), height(), context_.theme->scale());
    if (isVisible()) refresh();
}

void KvBlockMapPanel::showEvent(QShowEvent* /*event*/) { refresh(); }

}  // namespace pitwall::panels
