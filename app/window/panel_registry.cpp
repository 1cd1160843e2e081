// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/window/panel_registry.h"

#if __has_include("panels/knobs/knobs_panel.h")
#include "panels/knobs/knobs_panel.h"
#define PITWALL_KNOBS
#endif
#if __has_include("panels/changes/changes_panel.h")
#include "panels/changes/changes_panel.h"
#define PITWALL_CHANGES
#endif
#if __has_include("panels/workload/workload_panel.h")
#include "panels/workload/workload_panel.h"
#define PITWALL_WORKLOAD
#endif
#if __has_include("panels/batch/batch_panel.h")
#include "panels/batch/batch_panel.h"
#define PITWALL_BATCH
#endif
#if __has_include("panels/kv_block_map/kv_block_map_panel.h")
#include "panels/kv_block_map/kv_block_map_panel.h"
#define PITWALL_KV
#endif
#if __has_include("panels/requests/requests_panel.h")
#include "panels/requests/requests_panel.h"
#define PITWALL_REQUESTS
#endif
#if __has_include("panels/latency/latency_panel.h")
#include "panels/latency/latency_panel.h"
#define PITWALL_LATENCY
#endif
#if __has_include("panels/prefix_cache/prefix_cache_panel.h")
#include "panels/prefix_cache/prefix_cache_panel.h"
#define PITWALL_PREFIX
#endif
#if __has_include("panels/throughput/throughput_panel.h")
#include "panels/throughput/throughput_panel.h"
#define PITWALL_THROUGHPUT
#endif
#if __has_include("panels/prompt/prompt_panel.h")
#include "panels/prompt/prompt_panel.h"
#define PITWALL_PROMPT
#endif

namespace pitwall::app {

std::vector<panels::Panel*> make_panels(const panels::PanelContext& context, QWidget* parent) {
    std::vector<panels::Panel*> made;
#ifdef PITWALL_KNOBS
    made.push_back(new panels::KnobsPanel(context, parent));
#endif
#ifdef PITWALL_CHANGES
    made.push_back(new panels::ChangesPanel(context, parent));
#endif
#ifdef PITWALL_WORKLOAD
    made.push_back(new panels::WorkloadPanel(context, parent));
#endif
#ifdef PITWALL_BATCH
    made.push_back(new panels::BatchPanel(context, parent));
#endif
#ifdef PITWALL_KV
    made.push_back(new panels::KvBlockMapPanel(context, parent));
#endif
#ifdef PITWALL_REQUESTS
    made.push_back(new panels::RequestsPanel(context, parent));
#endif
#ifdef PITWALL_LATENCY
    made.push_back(new panels::LatencyPanel(context, parent));
#endif
#ifdef PITWALL_PREFIX
    made.push_back(new panels::PrefixCachePanel(context, parent));
#endif
#ifdef PITWALL_THROUGHPUT
    made.push_back(new panels::ThroughputPanel(context, parent));
#endif
#ifdef PITWALL_PROMPT
    made.push_back(new panels::PromptPanel(context, parent));
#endif
    return made;
}

}  // namespace pitwall::app
