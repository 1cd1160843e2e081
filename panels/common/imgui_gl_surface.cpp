// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/common/imgui_gl_surface.h"

#include <backends/imgui_impl_opengl3.h>
#include <imgui.h>

#include <QOpenGLContext>
#include <QOpenGLFunctions>
#include <QOpenGLWidget>
#include <QPaintEvent>
#include <QPainter>
#include <utility>

#include "panels/common/gl_textures.h"

namespace pitwall::panels {

namespace {

/// Above the canvas; the host's events pass through both.
class Words : public QWidget {
  public:
    Words(QWidget* parent, std::function<void(QPainter&)> paint) : QWidget(parent), paint_(std::move(paint)) {
        setAttribute(Qt::WA_TransparentForMouseEvents);
        setAttribute(Qt::WA_NoSystemBackground);
    }

  protected:
    void paintEvent(QPaintEvent* /*event*/) override {
        QPainter painter(this);
        paint_(painter);
    }

  private:
    std::function<void(QPainter&)> paint_;
};

class Canvas : public QOpenGLWidget {
  public:
    Canvas(QWidget* host, ImGuiContext* imgui) : QOpenGLWidget(host), imgui_(imgui) {
        setAttribute(Qt::WA_TransparentForMouseEvents);
    }
    ~Canvas() override {
        disconnect(lost_);  // ~QOpenGLWidget ends the context, when nothing of this class is left
        lose_context();
    }

    void draw(ImDrawData& frame, QColor background) {
        background_ = background;
        shown_ = nullptr;  // ImGui has overwritten it
        fresh_ = &frame;
        QPaintEvent event(rect());
        paintEvent(&event);  // now: in one flush with the text, which is painted after this
        fresh_ = nullptr;
    }

  protected:
    void initializeGL() override {
        const ImGuiScope scope(imgui_);
        ImFontAtlas& fonts = *ImGui::GetIO().Fonts;
        const ImTextureID font = fonts.TexID;
        ready_ = ImGui_ImplOpenGL3_Init("#version 150") && ImGui_ImplOpenGL3_CreateDeviceObjects();
        ImGui_ImplOpenGL3_DestroyFontsTexture();  // the host's own is uploaded like every other texture
        fonts.SetTexID(font);
        lost_ = connect(context(), &QOpenGLContext::aboutToBeDestroyed, this, [this] { lose_context(); });
        QMetaObject::invokeMethod(parentWidget(), qOverload<>(&QWidget::update), Qt::QueuedConnection);
    }

    /// A frame of the host, or once more the last one: Qt asks for that after a resize and for grab().
    void paintGL() override {
        QOpenGLFunctions& gl = *context()->functions();
        gl.glDisable(GL_SCISSOR_TEST);
        gl.glClearColor(background_.redF(), background_.greenF(), background_.blueF(), 1);
        gl.glClear(GL_COLOR_BUFFER_BIT);
        if (!ready_) return;
        const ImGuiScope scope(imgui_);
        if (fresh_ != nullptr) {
            name_textures(*fresh_);
            shown_ = std::exchange(fresh_, nullptr);
        }
        if (shown_ != nullptr) ImGui_ImplOpenGL3_RenderDrawData(shown_);
    }

  private:
    /// The host's textures are only there during its frame; their copies are until the next one.
    void name_textures(ImDrawData& frame) {
        textures_.begin_frame();
        for (int i = 0; i < frame.CmdListsCount; ++i)
            for (ImDrawCmd& command : frame.CmdLists[i]->CmdBuffer) {
                const GLuint name = textures_.name_of(static_cast<const ImGuiTexture*>(command.TextureId));
                // Dear ImGui hands a texture on as a pointer, whatever it is.
                // NOLINTNEXTLINE(performance-no-int-to-ptr)
                command.TextureId = reinterpret_cast<ImTextureID>(static_cast<uintptr_t>(name));
            }
        textures_.end_frame();
    }

    void lose_context() {
        disconnect(lost_);
        shown_ = nullptr;
        if (!std::exchange(ready_, false)) return;
        makeCurrent();
        if (QOpenGLContext::currentContext() != nullptr) textures_.clear();
        const ImGuiScope scope(imgui_);
        ImGui_ImplOpenGL3_Shutdown();
        doneCurrent();
    }

    ImGuiContext* imgui_;
    GlTextures textures_;
    QMetaObject::Connection lost_;
    QColor background_;
    ImDrawData *fresh_ = nullptr, *shown_ = nullptr;
    bool ready_ = false;
};

class GlSurface : public ImGuiSurface {
  public:
    explicit GlSurface(ImGuiSurfaceOwner owner)
        : canvas_(std::make_unique<Canvas>(owner.widget, owner.context)),
          words_(std::make_unique<Words>(owner.widget, std::move(owner.paint_over))) {
        resize(owner.widget->size());
    }
    void draw(ImDrawData& data, QColor background, double /*scale*/) override {
        canvas_->draw(data, background);
    }
    void show() override {}  // Qt paints the words after the host, and puts the canvas below them
    void resize(QSize logical) override {
        canvas_->resize(logical);
        words_->resize(logical);
    }

  private:
    std::unique_ptr<Canvas> canvas_;
    std::unique_ptr<Words> words_;
};

}  // namespace

std::unique_ptr<ImGuiSurface> make_gl_surface(ImGuiSurfaceOwner owner) {
    return std::make_unique<GlSurface>(std::move(owner));
}

}  // namespace pitwall::panels
