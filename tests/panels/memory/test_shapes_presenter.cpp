// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include <QStringList>
#include <algorithm>

#include "panels/memory/shapes_presenter.h"

namespace pitwall::panels {
namespace {

using telemetry::KvDtype;

class ShapesPresenterTest : public ::testing::Test {
  protected:
    void choose(const char* name) {
        const auto shapes = model_shapes();
        presenter.choose_shape(
            size_t(std::find_if(shapes.begin(), shapes.end(),
                                [&](const ModelShape& s) { return s.name == std::string_view(name); }) -
                   shapes.begin()));
    }
    template <class Fn>
    void change(Fn&& fn) {
        MemoryQuestion question = presenter.question();
        fn(question);
        presenter.set_question(question);
    }
    const ValueRow* row(const std::vector<ValueRow>& rows, const char* name) const {
        const auto it = std::find_if(rows.begin(), rows.end(),
                                     [&](const ValueRow& r) { return r.name == QLatin1String(name); });
        return it == rows.end() ? nullptr : &*it;
    }
    QString result(const char* name) const {
        const ValueRow* found = row(presenter.results(), name);
        return found ? found->cells.back().value.text() : QString();
    }
    ShapesPresenter presenter;
};

TEST_F(ShapesPresenterTest, TheFormulaHasItsNumbersPutIn) {
    choose("Llama-3.1-8B");
    EXPECT_EQ(presenter.token_formula(),
              QStringLiteral("2 × 32 layers × 8 KV heads × 128 × 2 B = 131,072 B a token"));
    choose("DeepSeek-V3");
    EXPECT_EQ(presenter.token_formula(), QStringLiteral("61 layers × (512 + 64) × 2 B = 70,272 B a token"));
    change([](MemoryQuestion& q) { q.kv = KvDtype::kFp8; });
    EXPECT_EQ(presenter.token_formula(),
              QStringLiteral("61 layers × ((512 + 64) × 1 B + 2 B of scales) = 35,258 B a token"));
    choose("SmolLM2-135M");
    change([](MemoryQuestion& q) { q.kv = KvDtype::kInt8; });
    EXPECT_EQ(presenter.token_formula(),
              QStringLiteral("2 × 30 layers × 3 KV heads × (64 × 1 B + 2 B of scales) = 11,880 B a token"));
    change([](MemoryQuestion& q) { q.kv = KvDtype::kK8V4; });
    EXPECT_EQ(presenter.token_formula(),
              QStringLiteral("30 layers × 3 KV heads × (K 64 × 1 B + 2 B of scales, V 64 × 0.5 B + 8 B of "
                             "scales) = 9,540 B a token"));
}

TEST_F(ShapesPresenterTest, ResultsAreThoseOfThePlan) {
    choose("Llama-3.1-8B");
    change([](MemoryQuestion& q) { q.prompt_tokens = 1000, q.output_tokens = 25; });
    EXPECT_EQ(result("Weights"), "15.0 GiB");
    EXPECT_EQ(result("Bytes a token"), "131,072 B");
    EXPECT_EQ(result("Room for KV"), "56.7 GiB");
    EXPECT_EQ(result("KV of a request"), "128 MiB");
    EXPECT_EQ(result("Requests at once"), "453 req");
    EXPECT_EQ(result("Whole contexts at once"), "3 req");
    EXPECT_EQ(presenter.request_formula(),
              QStringLiteral("(79.6 GiB × 0.90 − 15.0 GiB) / 128 MiB = 453 requests at once"));
    EXPECT_EQ(row(presenter.results(), "Beyond the window"), nullptr);
    choose("Gemma-3-27B");
    EXPECT_EQ(result("Beyond the window"), "81,920 B");
}

TEST_F(ShapesPresenterTest, WeightsThatDoNotFitAreSaidToBeShort) {
    choose("DeepSeek-V3");
    const ValueRow* short_by = row(presenter.results(), "Weights do not fit");
    ASSERT_TRUE(short_by);
    EXPECT_TRUE(short_by->bad);
    EXPECT_EQ(short_by->cells[0].tag, "short by");
    EXPECT_EQ(result("Requests at once"), "0 req");
    change([](MemoryQuestion& q) { q.devices = 32; });
    EXPECT_FALSE(row(presenter.results(), "Weights do not fit"));
    EXPECT_EQ(row(presenter.results(), "Weights")->note, "of 1.22 TiB");
    EXPECT_TRUE(row(presenter.results(), "Bytes a token")->note.endsWith(", on each"));
}

TEST_F(ShapesPresenterTest, FourWaysToShareBesideEachOther) {
    choose("Llama-3.1-8B");
    ASSERT_EQ(presenter.kinds().size(), 4u);
    const char* wanted[4][3] = {{"MHA", "524,288", "4.00"},
                                {"GQA", "131,072", "1.00"},
                                {"MQA", "16,384", "0.13"},
                                {"MLA", "36,864", "0.28"}};
    for (size_t i = 0; i < 4; ++i) {
        EXPECT_EQ(presenter.kinds()[i].name, wanted[i][0]);
        EXPECT_EQ(presenter.kinds()[i].cells[0].value.number, wanted[i][1]);
        EXPECT_EQ(presenter.kinds()[i].cells[1].value.number, wanted[i][2]);
        EXPECT_EQ(presenter.kinds()[i].strong, i == 1);
    }
}

TEST_F(ShapesPresenterTest, AnOwnShapeIsOneThatDiffers) {
    choose("Qwen3-8B");
    const auto known = presenter.shape_index();
    ASSERT_TRUE(known);
    change([](MemoryQuestion& q) { q.shape.kv_heads = 4; });
    EXPECT_FALSE(presenter.shape_index());
    EXPECT_TRUE(presenter.csv().contains("\"own shape\""));
    change([](MemoryQuestion& q) { q.shape.kv_heads = 8; });
    EXPECT_EQ(presenter.shape_index(), known);
    EXPECT_TRUE(presenter.device_index());
    change([](MemoryQuestion& q) { q.device_bytes *= 1.01; });
    EXPECT_FALSE(presenter.device_index());
}

TEST_F(ShapesPresenterTest, EveryRowOfTheClipboardHasItsUnit) {
    choose("Llama-3.1-8B");
    const QStringList lines = presenter.csv().split(u'\n', Qt::SkipEmptyParts);
    EXPECT_TRUE(lines.contains(QStringLiteral("\"Weights\",\"16060522496\",\"B\"")))
        << presenter.csv().toStdString();
    EXPECT_TRUE(lines.contains(QStringLiteral("\"Bytes a token\",\"131072\",\"B\"")))
        << presenter.csv().toStdString();
    EXPECT_TRUE(presenter.scope().contains("modelled"));
}

}  // namespace
}  // namespace pitwall::panels
