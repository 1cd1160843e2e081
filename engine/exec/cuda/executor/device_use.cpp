// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cuda/executor/device_use.h"

#include <map>
#include <mutex>

#include "engine/exec/cuda/runtime/runtime.h"

namespace pitwall::cuda {
namespace {

/// A device belongs to the process, and so does this.
struct Users {
    std::mutex mutex;
    std::map<uint32_t, uint32_t> count;  ///< by device
};
Users& all_users() {
    static Users users;
    return users;
}

}  // namespace

Result<DeviceUse> DeviceUse::begin(uint32_t device) {
    Users& users = all_users();
    const std::lock_guard lock(users.mutex);
    if (const Status lost = device_status(device); !lost.ok()) {
        if (users.count[device] > 0) return lost.error();
        if (Status reset = reset_device(device); !reset.ok()) return reset.error();
    }
    ++users.count[device];
    DeviceUse use;
    use.device_ = device;
    return use;
}

DeviceUse::~DeviceUse() {
    if (!device_) return;
    Users& users = all_users();
    const std::lock_guard lock(users.mutex);
    const bool last = --users.count[*device_] == 0;
    // Where that fails, the next begin() says why.
    if (last && !device_status(*device_).ok()) (void)reset_device(*device_);
}

}  // namespace pitwall::cuda
