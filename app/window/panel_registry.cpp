// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/window/panel_registry.h"

#include "panels/batch/batch_panel.h"
#include "panels/changes/changes_panel.h"
#include "panels/device/device_panel.h"
#include "panels/knobs/knobs_panel.h"
#include "panels/kv_block_map/kv_block_map_panel.h"
#include "panels/kv_precision/kv_precision_panel.h"
#include "panels/latency/latency_panel.h"
#include "panels/memory/memory_panel.h"
#include "panels/prefix_cache/prefix_cache_panel.h"
#include "panels/prompt/prompt_panel.h"
#include "panels/requests/requests_panel.h"
#include "panels/speculation/speculation_panel.h"
#include "panels/throughput/throughput_panel.h"
#include "panels/workload/workload_panel.h"

namespace pitwall::app {

std::vector<panels::Panel*> make_panels(const panels::PanelContext& context, QWidget* parent) {
    std::vector<panels::Panel*> made;
    made.push_back(new panels::KnobsPanel(context, parent));
    made.push_back(new panels::ChangesPanel(context, parent));
    made.push_back(new panels::WorkloadPanel(context, parent));
    made.push_back(new panels::BatchPanel(context, parent));
    made.push_back(new panels::KvBlockMapPanel(context, parent));
    made.push_back(new panels::RequestsPanel(context, parent));
    made.push_back(new panels::LatencyPanel(context, parent));
    made.push_back(new panels::PrefixCachePanel(context, parent));
    made.push_back(new panels::ThroughputPanel(context, parent));
    made.push_back(new panels::PromptPanel(context, parent));
    made.push_back(new panels::MemoryPanel(context, parent));
    made.push_back(new panels::KvPrecisionPanel(context, parent));
    made.push_back(new panels::SpeculationPanel(context, parent));
    made.push_back(new panels::DevicePanel(context, parent));
    return made;
}

}  // namespace pitwall::app
