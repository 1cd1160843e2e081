// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/gguf.h"

#include <fmt/format.h>

#include <bit>
#include <cassert>
#include <optional>

#include "engine/model/byte_cursor.h"
#include "engine/model/printable.h"

namespace pitwall::engine {
namespace {

constexpr uint64_t kDefaultAlignment = 32, kLargestAlignment = 1 << 20;
constexpr uint64_t kLongestName = 65535;  // of a key, by the specification
// The least bytes that one entry takes: what a count may claim at most.
constexpr uint64_t kSmallestValue = 8 + 4 + 1, kSmallestTensor = 8 + 4 + 8 + 4 + 8;
constexpr const char* kFetchAgain = "the file is damaged or incomplete, fetch it again";

/// Bytes of a value of fixed size; 0 for strings, arrays and numbers that are no type.
size_t fixed_bytes(uint32_t type) {
    constexpr std::array<size_t, 13> kBytes = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
    return type < kBytes.size() ? kBytes[type] : 0;
}

std::optional<TensorType> known_tensor_type(uint32_t number) {
    using T = TensorType;
    for (const T type : {T::kF32, T::kF16, T::kBF16, T::kQ4_0, T::kQ4_1, T::kQ5_0, T::kQ5_1, T::kQ8_0,
                         T::kQ4_K, T::kQ5_K, T::kQ6_K}) {
        if (static_cast<uint32_t>(type) == number) return type;
    }
    return std::nullopt;
}

/// Spelled out for formats that exist but that Pitwall does not read, so that the message helps.
std::string foreign_type_name(uint32_t number) {
    switch (number) {
        case 9:
            return "Q8_1";
        case 10:
            return "Q2_K";
        case 11:
            return "Q3_K";
        case 15:
            return "Q8_K";
        case 16:
            return "IQ2_XXS";
        case 17:
            return "IQ2_XS";
        case 18:
            return "IQ3_XXS";
        case 19:
            return "IQ1_S";
        case 20:
            return "IQ4_NL";
        case 21:
            return "IQ3_S";
        case 22:
            return "IQ2_S";
        case 23:
            return "IQ4_XS";
        case 29:
            return "IQ1_M";
        case 34:
            return "TQ1_0";
        case 35:
            return "TQ2_0";
        case 39:
            return "MXFP4";
        default:
            return fmt::format("number {}", number);
    }
}

}  // namespace

/// One pass over the file; the first error ends it.
class GgufParser {
  public:
    GgufParser(std::span<const std::byte> file, std::string_view name)
        : cursor_(file), name_(printable(name, true)), file_bytes_(file.size()) {}

    Result<Gguf> run(std::span<const std::byte> file) {
        if (Status s = header(); !s.ok()) return s.error();
        for (uint64_t i = 0; i < value_count_; ++i) {
            if (Status s = value(); !s.ok()) return s.error();
        }
        for (uint64_t i = 0; i < tensor_count_; ++i) {
            if (Status s = tensor(); !s.ok()) return s.error();
        }
        if (Status s = place_data(file); !s.ok()) return s.error();
        return std::move(out_);
    }

  private:
    Error wrong(std::string_view what, std::string_view hint = kFetchAgain) const {
        return {fmt::format("the model {} {}", name_, what), std::string(hint)};
    }
    Error cut_short() const {
        return wrong(fmt::format("ends within its directory, after {} bytes", file_bytes_));
    }

    Status header() {
        if (file_bytes_ == 0) return wrong("is empty");
        const std::span<const std::byte> magic = cursor_.take(4);
        const std::string_view text(reinterpret_cast<const char*>(magic.data()), magic.size());
        if (text != "GGUF") return wrong("is not a GGUF file", "give a GGUF file, or fetch it again");
        out_.version_ = cursor_.read<uint32_t>();
        tensor_count_ = cursor_.read<uint64_t>();
        value_count_ = cursor_.read<uint64_t>();
        if (cursor_.failed()) return cut_short();
        if (out_.version_ == 0x02000000 || out_.version_ == 0x03000000) {
            return wrong("is a big-endian GGUF file", "get the little-endian one");
        }
        if (out_.version_ != 2 && out_.version_ != 3) {
            return wrong(fmt::format("has GGUF version {}, and Pitwall reads 2 and 3", out_.version_),
                         "convert it anew, or fetch it again");
        }
        if (value_count_ > cursor_.remaining() / kSmallestValue)
            return claims(value_count_, "metadata entries");
        if (tensor_count_ > cursor_.remaining() / kSmallestTensor) return claims(tensor_count_, "tensors");
        return {};
    }

    Error claims(uint64_t count, std::string_view what) const {
        return wrong(fmt::format("claims {} {}, more than its {} bytes can hold", count, what, file_bytes_));
    }

    Status value() {
        const std::string_view key = cursor_.read_string();
        const auto type = cursor_.read<uint32_t>();
        if (cursor_.failed()) return cut_short();
        if (key.size() > kLongestName) return wrong("has a metadata key of more than 65535 bytes");
        Result<GgufValue> read =
            type == static_cast<uint32_t>(GgufType::kArray) ? array(key) : scalar(key, type);
        if (!read.ok()) return read.error();
        if (!out_.values_.emplace(key, std::move(read).value()).second) {
            return wrong(fmt::format("has the metadata key '{}' twice", printable(key)));
        }
        return {};
    }

    Result<GgufValue> scalar(std::string_view key, uint32_t type) {
        const GgufValue value = read_scalar(type);
        if (type > static_cast<uint32_t>(GgufType::kF64)) return bad_type(key, type);
        if (cursor_.failed()) return cut_short();
        if (bad_bool_)
            return wrong(fmt::format("has a truth value of neither 0 nor 1 under '{}'", printable(key)));
        return value;
    }

    GgufValue read_scalar(uint32_t type) {
        switch (static_cast<GgufType>(type)) {
            case GgufType::kU8:
                return uint64_t{cursor_.read<uint8_t>()};
            case GgufType::kI8:
                return int64_t{cursor_.read<int8_t>()};
            case GgufType::kU16:
                return uint64_t{cursor_.read<uint16_t>()};
            case GgufType::kI16:
                return int64_t{cursor_.read<int16_t>()};
            case GgufType::kU32:
                return uint64_t{cursor_.read<uint32_t>()};
            case GgufType::kI32:
                return int64_t{cursor_.read<int32_t>()};
            case GgufType::kF32:
                return double{cursor_.read<float>()};
            case GgufType::kU64:
                return cursor_.read<uint64_t>();
            case GgufType::kI64:
                return cursor_.read<int64_t>();
            case GgufType::kF64:
                return cursor_.read<double>();
            case GgufType::kString:
                return cursor_.read_string();
            case GgufType::kBool: {
                const auto byte = cursor_.read<uint8_t>();
                bad_bool_ = byte > 1;
                return byte == 1;
            }
            case GgufType::kArray:
                break;
        }
        return false;
    }

    Error bad_type(std::string_view key, uint32_t type) const {
        return wrong(fmt::format("has a value of unknown type {} under '{}'", type, printable(key)));
    }

    Result<GgufValue> array(std::string_view key) {
        const auto type = cursor_.read<uint32_t>();
        const auto count = cursor_.read<uint64_t>();
        if (cursor_.failed()) return cut_short();
        const size_t begin = cursor_.position();
        if (type == static_cast<uint32_t>(GgufType::kString)) {
            if (count > cursor_.remaining() / 8)
                return claims(count, fmt::format("texts under '{}'", printable(key)));
            for (uint64_t i = 0; i < count && !cursor_.failed(); ++i) (void)cursor_.read_string();
        } else if (const size_t bytes = fixed_bytes(type); bytes != 0) {
            if (count > cursor_.remaining() / bytes)
                return claims(count, fmt::format("values under '{}'", printable(key)));
            (void)cursor_.take(count * bytes);
        } else {
            return bad_type(key, type);
        }
        if (cursor_.failed()) return cut_short();
        return GgufValue(GgufArray{static_cast<GgufType>(type), count, cursor_.slice_from(begin)});
    }

    Status tensor() {
        GgufTensor t;
        t.name = cursor_.read_string();
        t.num_dims = cursor_.read<uint32_t>();
        const std::string shown = printable(t.name);
        if (cursor_.failed()) return cut_short();
        if (t.num_dims < 1 || t.num_dims > t.dims.size()) {
            return wrong(fmt::format("gives the tensor '{}' {} dimensions", shown, t.num_dims));
        }
        for (uint32_t i = 0; i < t.num_dims; ++i) t.dims[i] = cursor_.read<uint64_t>();
        const auto type = cursor_.read<uint32_t>();
        const auto offset = cursor_.read<uint64_t>();
        if (cursor_.failed()) return cut_short();
        const std::optional<TensorType> known = known_tensor_type(type);
        if (!known) {
            return wrong(fmt::format("stores the tensor '{}' as {}, which Pitwall does not read", shown,
                                     foreign_type_name(type)),
                         "use F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K or Q6_K");
        }
        t.type = *known;
        Result<uint64_t> bytes = tensor_bytes(t);
        if (!bytes.ok()) return bytes.error();
        if (!names_.emplace(t.name, true).second)
            return wrong(fmt::format("has the tensor '{}' twice", shown));
        out_.tensors_.push_back(t);
        places_.push_back({offset, bytes.value()});
        return {};
    }

    /// Stored size, at most the file's: so that nothing computed from the dimensions later can overflow.
    Result<uint64_t> tensor_bytes(const GgufTensor& t) const {
        const std::string shown = printable(t.name);
        const uint64_t per_block = block_values(t.type);
        if (t.dims[0] == 0 || t.dims[0] % per_block != 0) {
            return wrong(
                fmt::format("has rows of {} values in the tensor '{}', not a multiple of {} as {} needs",
                            t.dims[0], shown, per_block, tensor_type_name(t.type)));
        }
        uint64_t blocks = t.dims[0] / per_block;
        const uint64_t most = file_bytes_ / block_bytes(t.type);
        for (uint32_t i = 1; i < t.num_dims; ++i) {
            if (t.dims[i] == 0) return wrong(fmt::format("has a dimension of 0 in the tensor '{}'", shown));
            if (blocks > most || t.dims[i] > most / blocks) {
                blocks = most + 1;
                break;
            }
            blocks *= t.dims[i];
        }
        if (blocks > most) return wrong(fmt::format("is smaller than its tensor '{}'", shown));
        return blocks * block_bytes(t.type);
    }

    Result<uint64_t> alignment() const {
        const GgufValue* value = out_.find("general.alignment");
        if (value == nullptr) return kDefaultAlignment;
        const uint64_t* number = std::get_if<uint64_t>(value);
        if (number == nullptr || !std::has_single_bit(*number) || *number < 8 ||
            *number > kLargestAlignment) {
            return wrong("has a general.alignment that is no power of two from 8 to 1048576");
        }
        return *number;
    }

    /// Tensors follow each other in the directory's order, each at the next aligned offset, as ggml demands
    /// too: then none overlap, none lies outside, and a flipped bit in an offset is seen.
    Status place_data(std::span<const std::byte> file) {
        const Result<uint64_t> align = alignment();
        if (!align.ok()) return align.error();
        const auto up = [&](uint64_t at) { return (at + align.value() - 1) / align.value() * align.value(); };
        const uint64_t begin = up(cursor_.position());
        uint64_t next = 0;
        for (size_t i = 0; i < places_.size(); ++i) {
            const std::string shown = printable(out_.tensors_[i].name);
            if (places_[i].offset != next) {
                return wrong(fmt::format("has its tensor '{}' at offset {} instead of {}", shown,
                                         places_[i].offset, next));
            }
            const uint64_t end = begin + next + places_[i].bytes;
            if (end > file.size()) {
                return wrong(fmt::format("is cut short: its tensor '{}' ends at byte {} of {}", shown, end,
                                         file.size()));
            }
            out_.tensors_[i].data = file.subspan(begin + next, places_[i].bytes);
            next = up(next + places_[i].bytes);
        }
        if (file.size() > begin + next) {
            return wrong(fmt::format("has {} bytes after its last tensor", file.size() - begin - next));
        }
        return {};
    }

    struct Place {
        uint64_t offset, bytes;
    };
    ByteCursor cursor_;
    std::string name_;
    uint64_t file_bytes_;
    uint64_t tensor_count_ = 0, value_count_ = 0;
    bool bad_bool_ = false;
    Gguf out_;
    std::vector<Place> places_;
    std::unordered_map<std::string_view, bool> names_;
};

Result<Gguf> Gguf::parse(std::span<const std::byte> file, std::string_view name) {
    return GgufParser(file, name).run(file);
}

const GgufValue* Gguf::find(std::string_view key) const {
    const auto it = values_.find(key);
    return it == values_.end() ? nullptr : &it->second;
}

std::vector<std::string_view> gguf_strings(const GgufArray& array) {
    assert(array.type == GgufType::kString);
    ByteCursor cursor(array.bytes);
    std::vector<std::string_view> out;
    out.reserve(array.count);  // parse() saw that many
    for (uint64_t i = 0; i < array.count; ++i) out.push_back(cursor.read_string());
    return out;
}

bool is_integer(GgufType type) {
    return type != GgufType::kString && type != GgufType::kArray && type != GgufType::kBool &&
           type != GgufType::kF32 && type != GgufType::kF64;
}

std::vector<int32_t> gguf_integers(const GgufArray& array) {
    assert(is_integer(array.type));
    const size_t bytes = fixed_bytes(static_cast<uint32_t>(array.type));
    std::vector<int32_t> out(array.count);
    for (uint64_t i = 0; i < array.count; ++i) {
        std::memcpy(&out[i], array.bytes.data() + i * bytes, std::min<size_t>(bytes, 4));
    }
    return out;
}

}  // namespace pitwall::engine
