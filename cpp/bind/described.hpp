// What other libraries say of their arrays, checked: for those of the CPU and of a CUDA device.
#pragma once

#include "bind/array.hpp"
#include "bind/dlpack.hpp"

namespace saddlescape::bind {

enum class Memory { cpu, cuda, elsewhere };

// "params[1]: torch.Tensor on device cuda:0"
std::string source_text(py::handle source, const std::string& name);

// A dtype in DLPack's words.
dlpack::DataType data_type(Dtype dtype);

// Checks what DLPack says of `source`, as checked_array does, and whose memory it is.
Array described(const dlpack::Tensor& tensor, Memory memory, py::handle source,
                const std::string& name, std::initializer_list<Dtype> allowed, const Shape& shape);

// The functions of the source's type, or null. PyTorch has them since 2.10; they cost no Python
// call and no allocation.
const dlpack::Exchange* exchange(py::handle source);

// PyTorch negates lazily: such a tensor's memory holds the numbers with the other sign.
void refuse_negated(py::handle source, const std::string& name);

}  // namespace saddlescape::bind
