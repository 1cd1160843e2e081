// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "telemetry/base/result.h"

namespace pitwall::engine::jinja {

struct Body;

/// A strict subset of Jinja 3 (https://jinja.palletsprojects.com/templates/), as chat templates use it, set up as
/// Hugging Face does: trim_blocks, lstrip_blocks, loop controls, tojson without HTML escapes.
/// Runs: for (with if and else), if, set (also blocks and namespaces), break, continue, generation; all expressions,
/// slices, string and dict methods, and the filters and tests of chat templates. Everything else is refused by line,
/// statements, filters and tests already by parse(). Time, memory, output and nesting are bounded.
class Template {
  public:
    static Result<Template> parse(std::string_view source);
    Template(Template&&) noexcept;
    Template& operator=(Template&&) noexcept;
    ~Template();

    /// `context` is an object: the names that the template may refer to. Any thread.
    Result<std::string> render(const nlohmann::ordered_json& context) const;

  private:
    explicit Template(std::unique_ptr<Body> body);
    std::unique_ptr<Body> body_;
};

}  // namespace pitwall::engine::jinja
