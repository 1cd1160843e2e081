// SPDX-License-Identifier: GPL-3.0-or-later
//
// An NCCL that computes nothing: it writes down what it is asked for, into what it is given as a stream. Where NCCL's header is,
// it is compiled against that, so that it takes its arguments as the real one does.
#include "tests/engine/exec/cuda/fake_nccl.h"

#include <cstring>

#if __has_include(<nccl.h>)
#include <nccl.h>
static_assert(ncclSuccess == 0 && ncclInt32 == 2 && ncclFloat32 == 7 && ncclSum == 0);
static_assert(sizeof(ncclResult_t) == sizeof(int) && sizeof(ncclDataType_t) == sizeof(int));
#else
using ncclComm_t = struct ncclComm*;
using cudaStream_t = struct CUstream_st*;
enum ncclResult_t : int { ncclSuccess = 0, ncclSystemError = 2 };
enum ncclDataType_t : int {};
enum ncclRedOp_t : int {};
#endif

struct ncclComm {
    int device;
};

namespace {

ncclResult_t write_down(cudaStream_t stream, const FakeNcclCall& call) {
    reinterpret_cast<std::vector<FakeNcclCall>*>(stream)->push_back(call);
    return call.count == kFakeNcclRefuses ? ncclSystemError : ncclSuccess;
}

}  // namespace

extern "C" {

ncclResult_t ncclGetVersion(int* version) {
    *version = 22809;
    return ncclSuccess;
}
const char* ncclGetErrorString(ncclResult_t result) {
    return result == ncclSuccess ? "good" : "a fake failure";
}
ncclResult_t ncclCommInitAll(ncclComm_t* comm, int ndev, const int* devlist) {
    for (int i = 0; i < ndev; ++i)
        if (devlist[i] == kFakeNcclLacks) return ncclSystemError;
    for (int i = 0; i < ndev; ++i) comm[i] = new ncclComm{devlist[i]};
    return ncclSuccess;
}
ncclResult_t ncclCommDestroy(ncclComm_t comm) {
    delete comm;
    return ncclSuccess;
}
ncclResult_t ncclCommAbort(ncclComm_t comm) { return ncclCommDestroy(comm); }
ncclResult_t ncclAllGather(const void* sendbuff, void* recvbuff, size_t sendcount, ncclDataType_t datatype,
                           ncclComm_t comm, cudaStream_t stream) {
    return write_down(stream, {"gather", comm->device, sendbuff, recvbuff, sendcount, datatype, 0});
}
ncclResult_t ncclAllReduce(const void* sendbuff, void* recvbuff, size_t count, ncclDataType_t datatype,
                           ncclRedOp_t op, ncclComm_t comm, cudaStream_t stream) {
    return write_down(stream, {"reduce", comm->device, sendbuff, recvbuff, count, datatype, op});
}
ncclResult_t ncclBroadcast(const void* sendbuff, void* recvbuff, size_t count, ncclDataType_t datatype,
                           int root, ncclComm_t comm, cudaStream_t stream) {
    return write_down(stream, {"broadcast", comm->device, sendbuff, recvbuff, count, datatype, root});
}
}
