// NVIDIA's own libraries, cuBLAS and cuSOLVER, loaded by the first who needs them, as core/blas
// loads the CPU's: neither headers nor libraries of theirs are needed to build, and an optimizer's
// step does without them.
#pragma once

#include <string>

namespace saddlescape::cuda {

class Library {
 public:
  // Loaded once. Throws Error that says what was looked for, and how to get it.
  static const Library& cublas();
  static const Library& cusolver();

  // A function by its name in the library; throws Error where there is none.
  template <class Function>
  Function* function(const char* name) const {
    return reinterpret_cast<Function*>(symbol(name));
  }
  const std::string& path() const { return path_; }
  std::string version() const;

 private:
  explicit Library(const char* name, int version);
  void* symbol(const char* name) const;

  std::string name_, path_;
  void* handle_ = nullptr;
};

}  // namespace saddlescape::cuda
