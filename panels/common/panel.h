// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <QString>
#include <QStringList>
#include <QWidget>
#include <optional>

#include "panels/common/opengl.h"
#include "panels/common/theme.h"
#include "telemetry/control.h"
#include "telemetry/record/recorded_request.h"
#include "telemetry/store/store.h"

namespace pitwall::panels {

/// The one selection of the whole window: a request, a step or a block, or nothing.
class SelectionModel : public QObject {
    Q_OBJECT
  public:
    using QObject::QObject;
    RequestId request() const { return request_; }
    bool has_step() const { return has_step_; }
    StepId step() const { return step_; }
    BlockId block() const { return block_; }

    void select_request(RequestId request);
    void select_step(StepId step);
    void select_block(BlockId block, RequestId owner);  ///< selects the owner as well, where there is one
    void clear();

  signals:
    void changed();

  private:
    RequestId request_ = kNoRequest;
    StepId step_{};
    bool has_step_ = false;
    BlockId block_ = kNoBlock;
};

/// The one range control that serves all statistics.
class RangeModel : public QObject {
    Q_OBJECT
  public:
    enum class Mode { kLast10s, kLast60s, kLast120s, kSinceChange, kSession, kDragged };
    using QObject::QObject;
    Mode mode() const { return mode_; }
    void set_mode(Mode mode);
    void set_dragged(telemetry::TimeRange range);
    /// What the figures are taken over. It begins no earlier than what the store knows: a rate over time of which
    /// nothing is known would be too low.
    telemetry::TimeRange resolve(const telemetry::Store& store) const;
    const telemetry::TimeRange& dragged() const { return dragged_; }
    QString label() const;  ///< "last 60 s", "since change 3"
    /// The same beside figures, with ", incomplete" where the store has let go, never held or missed some of it.
    QString label(const telemetry::Store& store) const;

  signals:
    void changed();

  private:
    telemetry::TimeRange asked(const telemetry::Store& store) const;

    Mode mode_ = Mode::kLast60s;
    telemetry::TimeRange dragged_;
};

/// What the store has folded, from the session's recording.
class Recollection {
  public:
    virtual ~Recollection() = default;
    /// Nothing where no recording has all of it. Reads a file for some milliseconds.
    virtual std::optional<telemetry::RecordedRequest> recall(const telemetry::RequestRow& row) const = 0;
};

/// What every panel is given. The window owns all of it; `control` is never null.
struct PanelContext {
    const telemetry::Store* store;
    telemetry::Control* control;
    SelectionModel* selection;
    RangeModel* range;
    Theme* theme;
    bool replay = false;  ///< knobs show recorded values and cannot be moved
    ImGuiDrawer drawer = ImGuiDrawer::kImage;
    const Recollection* recollection = nullptr;  ///< null: what the store has folded is gone
};

/// A dockable view: a thin widget over a presenter. The window's frame clock calls refresh() while it is
/// visible and something changed, at most refresh_hz() times a second; a hidden panel costs nothing.
class Panel : public QWidget {
    Q_OBJECT
  public:
    explicit Panel(PanelContext context, QWidget* parent = nullptr) : QWidget(parent), context_(context) {}
    virtual QString id() const = 0;     ///< stable, for saved layouts and screenshot names: "kv_block_map"
    virtual QString title() const = 0;  ///< "KV block map"
    virtual QString scope() const { return {}; }  ///< the grey phrase beside the title
    /// The same in ever fewer words, for a title without the room; the first that fits is taken.
    virtual QStringList shorter_scopes() const { return {}; }
    virtual int refresh_hz() const { return 4; }
    virtual void refresh() = 0;
    virtual void go_live() {
    }  ///< back to what follows the newest event, where the panel was moved away from it
    virtual QString csv() const { return {}; }  ///< the figures or the table, for the clipboard and for files
    /// A widget that belongs at the right of the title: a mode switch. May be null. Owned by the panel.
    virtual QWidget* title_control() { return nullptr; }

  signals:
    void scope_changed();

  protected:
    PanelContext context_;
};

}  // namespace pitwall::panels
