// SPDX-License-Identifier: GPL-3.0-or-later
#include <imgui.h>

#include <QPainter>
#include <QTest>

#include "panels/common/imgui_host.h"

using namespace pitwall;
using namespace pitwall::panels;

namespace {

constexpr uint32_t kRed = IM_COL32(255, 0, 0, 255), kHalfWhite = IM_COL32(255, 255, 255, 128);

/// A red square, a see-through bar, a 2 x 2 texture blown up, a circle, and a button that counts clicks.
class Picture : public ImGuiHost {
  public:
    explicit Picture(Theme* theme, ImGuiDrawer drawer = ImGuiDrawer::kImage) : ImGuiHost(theme, drawer) {
        texture.resize(2, 2);
        const uint32_t texels[] = {0xffff0000, 0xff00ff00, 0xff0000ff, 0xffffffff};
        std::copy(std::begin(texels), std::end(texels), texture.texels());
        resize(200, 100);
    }
    int clicks = 0, held_frames = 0;
    ImVec2 seen{};
    ImGuiTexture texture;
    bool opaque = false;

  protected:
    void draw_imgui() override {
        ImDrawList* list = ImGui::GetWindowDrawList();
        list->AddRectFilled({10, 10}, {20, 20}, kRed);
        list->AddRectFilled({10, 30}, {20, 40}, kHalfWhite);
        texture.set_opaque(opaque);
        list->AddImage(texture.id(), {30, 10}, {70, 50});
        list->AddCircleFilled({100, 30}, 12, kRed, 24);
        ImGui::SetCursorPos({120, 10});
        if (ImGui::InvisibleButton("click", {40, 40})) ++clicks;
        if (ImGui::IsMouseDown(0)) ++held_frames;
        seen = ImGui::GetIO().MousePos;
    }
    QColor background() const override { return Qt::black; }
    void paint_over(QPainter& painter) override { painter.fillRect(0, 90, 5, 5, Qt::yellow); }
};

}  // namespace

class ImGuiHostTest : public QObject {
    Q_OBJECT
  private slots:
    void pictures_are_exact() {
        Theme theme;
        for (const bool opaque : {false, true}) {
            Picture picture(&theme);
            picture.opaque = opaque;
            const QImage image = picture.grab().toImage();
            QCOMPARE(image.pixelColor(10, 10), QColor(Qt::red));
            QCOMPARE(image.pixelColor(19, 19), QColor(Qt::red));
            QCOMPARE(image.pixelColor(20, 19), QColor(Qt::black));
            QCOMPARE(image.pixelColor(9, 10), QColor(Qt::black));
            QCOMPARE(image.pixelColor(15, 35), QColor(128, 128, 128));
            QCOMPARE(image.pixelColor(30, 10), QColor(Qt::red));  // nearest texel: sharp edges in the middle
            QCOMPARE(image.pixelColor(49, 29), QColor(Qt::red));
            QCOMPARE(image.pixelColor(50, 29), QColor(Qt::green));
            QCOMPARE(image.pixelColor(49, 30), QColor(Qt::blue));
            QCOMPARE(image.pixelColor(69, 49), QColor(Qt::white));
            QCOMPARE(image.pixelColor(70, 49), QColor(Qt::black));
            QCOMPARE(image.pixelColor(100, 30), QColor(Qt::red));
            QCOMPARE(image.pixelColor(90, 20), QColor(Qt::black));  // outside of the circle
            QCOMPARE(image.pixelColor(2, 92), QColor(Qt::yellow));
        }
    }

    /// ImGui 1.86 looks at the buttons once a frame: a press and its release in between must not be lost.
    void a_click_within_one_frame_counts() {
        Theme theme;
        Picture picture(&theme);
        picture.grab();
        for (int i = 1; i <= 5; ++i) {
            QTest::mousePress(&picture, Qt::LeftButton, {}, QPoint(130, 20));
            QTest::mouseRelease(&picture, Qt::LeftButton, {}, QPoint(130, 20));
            picture.grab();
            picture.grab();
            QCOMPARE(picture.clicks, i);
        }
    }
    void a_click_counts_where_it_was_pressed() {
        Theme theme;
        Picture picture(&theme);
        picture.grab();
        QTest::mousePress(&picture, Qt::LeftButton, {}, QPoint(5, 5));
        QTest::mouseMove(&picture, QPoint(130, 20));
        picture.grab();
        QCOMPARE(picture.seen.x, 5.0f);
        picture.grab();
        QCOMPARE(picture.seen.x, 130.0f);
        QTest::mouseRelease(&picture, Qt::LeftButton, {}, QPoint(130, 20));
        picture.grab();
        QCOMPARE(picture.clicks, 0);  // pressed beside the button
    }
    void hosts_do_not_share_a_context() {
        Theme theme;
        Picture one(&theme), two(&theme);
        one.grab();
        two.grab();
        QTest::mouseClick(&one, Qt::LeftButton, {}, QPoint(130, 20));
        for (int i = 0; i < 2; ++i) {
            one.grab();
            two.grab();
        }
        QCOMPARE(one.clicks, 1);
        QCOMPARE(two.clicks, 0);
        QCOMPARE(two.held_frames, 0);
    }
    void a_hidden_host_draws_nothing() {
        Theme theme;
        Picture picture(&theme);
        picture.update();
        QTest::qWait(30);
        QCOMPARE(picture.frames(), uint64_t{0});
    }
    void device_pixels() {
        Theme theme;
        Picture picture(&theme);
        QImage image(400, 200, QImage::Format_RGB32);
        image.setDevicePixelRatio(2);
        picture.render(&image);
        QCOMPARE(image.pixelColor(21, 21), QColor(Qt::red));
        QCOMPARE(image.pixelColor(41, 41), QColor(Qt::black));
    }
    /// Making a QOpenGLWidget here would crash.
    void no_opengl_where_qt_cannot_hold_it() {
        for (const char* platform : {"offscreen", "minimal", "vnc", "linuxfb", "eglfs", ""})
            QVERIFY2(!platform_holds_opengl(QLatin1String(platform)), platform);
        QVERIFY(platform_holds_opengl(QStringLiteral("xcb")));
        const OpenGlProbe probe = probe_opengl();
        QVERIFY(!probe.works && !probe.hardware);
        QVERIFY2(probe.problem.contains(QGuiApplication::platformName()), qPrintable(probe.problem));
        Theme theme;
        Picture picture(&theme, ImGuiDrawer::kOpenGl);
        QVERIFY(picture.findChildren<QWidget*>().isEmpty());
        QCOMPARE(picture.grab().toImage().pixelColor(10, 10), QColor(Qt::red));
    }
    void software_opengl_is_known() {
        for (const char* name :
             {"llvmpipe (LLVM 15.0.6, 256 bits)", "softpipe", "Software Rasterizer", "Mesa DRI swrast",
              "SVGA3D; build: RELEASE; LLVM;", "virgl (LLVMPIPE)", "Google SwiftShader", "GDI Generic"})
            QVERIFY2(is_software_renderer(QLatin1String(name)), name);
        for (const char* name : {"NVIDIA H200/PCIe/SSE2", "Mesa Intel(R) UHD Graphics 620 (KBL GT2)",
                                 "AMD Radeon RX 6800 (radeonsi, navi21, LLVM 15.0.6)"})
            QVERIFY2(!is_software_renderer(QLatin1String(name)), name);
    }
    void million_texels_are_quick() {
        Theme theme;
        Picture picture(&theme);
        picture.opaque = true;
        picture.texture.resize(1024, 1024);
        std::fill_n(picture.texture.texels(), 1024 * 1024, 0xff336699u);
        picture.resize(700, 700);
        picture.grab();
        picture.grab();
        QVERIFY2(picture.last_frame_ns() < 100'000'000, qPrintable(QString::number(picture.last_frame_ns())));
    }
};

QTEST_MAIN(ImGuiHostTest)
#include "tst_imgui_host.moc"
