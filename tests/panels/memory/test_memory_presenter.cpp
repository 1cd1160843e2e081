// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include <algorithm>

#include "panels/memory/memory_presenter.h"
#include "tests/panels/memory/memory_session.h"

namespace pitwall::panels {
namespace {

using presets::KnobId;
using testing::kMs;
using testing::MemorySession;
using testing::Told;

class MemoryPresenterTest : public ::testing::Test {
  protected:
    MemoryPresenterTest() { told.start(KnobId::kMaxNumSeqs, 8); }
    void update() { presenter.update({0, 2000 * kMs}, QStringLiteral("last 60 s")); }
    QString cell(const std::vector<ValueRow>& rows, const char* name, size_t index = 0) const {
        const auto it = std::find_if(rows.begin(), rows.end(),
                                     [&](const ValueRow& r) { return r.name == QLatin1String(name); });
        return it == rows.end() || index >= it->cells.size() ? QStringLiteral("none")
                                                             : it->cells[index].value.text();
    }
    QString room(const char* name, size_t index = 0) const { return cell(presenter.room(), name, index); }

    Told told;
    MemoryPresenter presenter{told.store};
};

TEST_F(MemoryPresenterTest, KnowsNothingBeforeTheFirstEvent) {
    update();
    EXPECT_TRUE(presenter.empty());
    EXPECT_EQ(presenter.total_bytes(), 0);
    for (const ValueRow& row : presenter.parts())
        EXPECT_EQ(row.cells[0].value.number, kNoValue) << row.name.toStdString();
    EXPECT_EQ(room("Tokens that fit"), kNoValue);
    EXPECT_EQ(room("Holds first"), kNoValue);
}

TEST_F(MemoryPresenterTest, EveryByteIsInOnePart) {
    const MemorySession session(told);
    update();
    const MemoryPresenter::Bytes& bytes = presenter.bytes();
    EXPECT_EQ(bytes[MemoryPresenter::kWeights], 1'000'000);
    EXPECT_EQ(bytes[MemoryPresenter::kInUse], 200'000);  // 200 slots of 1,000 bytes
    EXPECT_EQ(bytes[MemoryPresenter::kSlack], 120'000);  // 20 x 16 - 200 slots
    EXPECT_EQ(bytes[MemoryPresenter::kCached], 480'000);
    EXPECT_EQ(bytes[MemoryPresenter::kFree], 800'000);
    EXPECT_EQ(bytes[MemoryPresenter::kRest], 5'000'000 - 1'000'000 - 320'000 - 480'000);
    EXPECT_EQ(presenter.total_bytes(), 5'000'000 + 800'000);  // what was free need not be resident
    EXPECT_EQ(cell(presenter.parts(), "Weights", 1), "17.2 %");
    EXPECT_EQ(cell(presenter.parts(), "Resident, process"), "4.77 MiB");
}

TEST_F(MemoryPresenterTest, ActivationsAndADraftModelArePartsOfTheirOwn) {
    MemorySession session(told);
    update();
    EXPECT_FALSE(presenter.part_row(MemoryPresenter::kActivations));  // as a recording of before says
    EXPECT_FALSE(presenter.part_row(MemoryPresenter::kDraft));
    const auto rest_names = [&](const char* what) {
        return presenter.part_row(MemoryPresenter::kRest)->definition.contains(what);
    };
    EXPECT_TRUE(rest_names("activations"));
    EXPECT_FALSE(rest_names("draft model"));
    told.start(presets::KnobId::kSpeculativeMethod, 3);
    update();
    EXPECT_TRUE(rest_names("weights of the draft model"));
    session.device(5'000'000, 300'000, 700'000);
    update();
    EXPECT_FALSE(rest_names("activations") || rest_names("draft model"));
    const MemoryPresenter::Bytes& bytes = presenter.bytes();
    EXPECT_EQ(bytes[MemoryPresenter::kActivations], 300'000);
    EXPECT_EQ(bytes[MemoryPresenter::kDraft], 700'000);
    EXPECT_EQ(bytes[MemoryPresenter::kRest], 5'000'000 - 1'000'000 - 320'000 - 480'000 - 300'000 - 700'000);
    EXPECT_EQ(presenter.total_bytes(), 5'000'000 + 800'000);
    EXPECT_EQ(cell(presenter.parts(), "Draft model", 1), "12.1 %");
    EXPECT_EQ(presenter.part_row(MemoryPresenter::kRest)->name, u"Rest of the process");
}

TEST_F(MemoryPresenterTest, MoreKvThanResidentLeavesNoDebt) {
    MemorySession session(told);
    session.device(1'200'000);
    update();
    EXPECT_EQ(presenter.bytes()[MemoryPresenter::kRest], 0);
}

TEST_F(MemoryPresenterTest, ASimulatedDevicesMemoryIsNotTheProcesss) {
    MemorySession session(told);
    told.fact("kernel_tier=simulated");
    session.device(5'000'000, 0, 700'000);
    update();
    EXPECT_FALSE(presenter.bytes()[MemoryPresenter::kRest]);
    EXPECT_EQ(presenter.total_bytes(), 2'600'000 + 700'000);
    EXPECT_EQ(cell(presenter.parts(), "Activations"), "none");
    EXPECT_EQ(cell(presenter.parts(), "Draft model", 1), "21.2 %");
    EXPECT_EQ(cell(presenter.parts(), "Rest of the process"), "none");
    EXPECT_EQ(cell(presenter.parts(), "Resident, process"), "none");
    EXPECT_TRUE(presenter.caption().contains("simulated"));
}

TEST_F(MemoryPresenterTest, RoomOfThePool) {
    const MemorySession session(told);
    update();
    EXPECT_EQ(room("Bytes a token"), "1,000 B");
    EXPECT_EQ(room("Tokens that fit"), "1,600 tok");
    EXPECT_EQ(room("Room now"), "1,280 tok");
    EXPECT_EQ(room("Pool may grow by"), "25 blocks");  // (2,000,000 - 1,600,000) / 16,000
}

TEST_F(MemoryPresenterTest, RequestsOfThePresentKindThatFit) {
    MemorySession session(told);
    for (const uint32_t blocks : {10u, 10u, 10u, 20u}) session.finished(blocks);
    session.finished(500, telemetry::FinishReason::kCancelled);  // says nothing of the kind
    session.finished(900, telemetry::FinishReason::kTimeout);
    update();
    EXPECT_EQ(room("One request", 0), "10");
    EXPECT_EQ(room("One request", 1), "18.5 blocks");            // 10 + .85 x 10
    EXPECT_EQ(room("More that fit", 0), "8");                    // 80 / 10
    EXPECT_EQ(room("More that fit", 1), "4 req");                // 80 / 18.5
    EXPECT_EQ(room("Seats left"), "4 seqs");                     // 8 - 4
    EXPECT_EQ(room("Holds first"), "max_num_seqs");              // as many fit at p95
    presenter.update({0, 900 * kMs}, QStringLiteral("before"));  // they ended later
    EXPECT_EQ(room("More that fit"), kNoValue);
}

TEST_F(MemoryPresenterTest, WhichBoundHoldsFirst) {
    MemorySession session(told);
    for (const uint32_t blocks : {10u, 10u, 10u, 20u}) session.finished(blocks);
    told.knob(1000, KnobId::kMaxNumSeqs, 8, 10);  // 6 seats: 8 fit at p50, 4 at p95
    update();
    EXPECT_EQ(room("Holds first"), "blocks at p95");
    told.knob(1000, KnobId::kMaxNumSeqs, 10, 100);
    update();
    EXPECT_EQ(room("Seats left"), "96 seqs");
    EXPECT_EQ(room("Holds first"), "blocks");
    told.knob(1000, KnobId::kMaxNumSeqs, 100, 2);  // drains: more run than may
    update();
    EXPECT_EQ(room("Seats left"), "0 seqs");
    EXPECT_EQ(room("Holds first"), "max_num_seqs");
}

TEST_F(MemoryPresenterTest, EveryByteReachesTheClipboard) {
    const MemorySession session(told);
    update();
    const QString csv = presenter.csv();
    EXPECT_TRUE(csv.startsWith("memory,value,unit\n"));
    for (const char* line :
         {"\"Weights\",\"1000000\",\"B\"", "\"KV slack\",\"120000\",\"B\"",
          "\"Tokens that fit\",\"1600\",\"tok\"", "\"More that fit, p50\",\"\u2013\",\"req\""})
        EXPECT_TRUE(csv.contains(QString::fromUtf8(line))) << line << " not in\n" << csv.toStdString();
}

}  // namespace
}  // namespace pitwall::panels
