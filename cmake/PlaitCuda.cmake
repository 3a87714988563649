# The CUDA backend: what both of its forms share, the one for GPUs (cuda/) and the one on the emulator (cuda/emulator/).
find_program(PLAIT_NVCC nvcc HINTS ENV CUDACXX ENV CUDA_PATH PATH_SUFFIXES bin)
if(PLAIT_NVCC)
  set(plait_cuda_default ON)
else()
  set(plait_cuda_default OFF)
endif()
option(PLAIT_CUDA "Build the CUDA kernels (libplait_cuda); needs nvcc" ${plait_cuda_default})
option(PLAIT_CUDA_EMULATOR "Build the CUDA kernels for the CPU, for tests without a GPU (libplait_cuda_emulated)" ${PLAIT_TESTS})
option(PLAIT_CUDA_RACECHECK "Build them a second time, with kernels whose races are found (libplait_cuda_racecheck)" OFF)
if(PLAIT_CUDA AND NOT PLAIT_NVCC)
  message(FATAL_ERROR "PLAIT_CUDA=ON needs nvcc, and none was found. Put it on PATH, or configure with -DPLAIT_CUDA=OFF.")
endif()

# Kernels, the host's side of ops, and what calls the CUDA runtime.
file(GLOB PLAIT_CUDA_KERNELS CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/cuda/kernels/*.cu")
file(GLOB PLAIT_CUDA_OPS CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/cuda/ops/*.cpp")
file(GLOB PLAIT_CUDA_RUNTIME CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/cuda/runtime/*.cpp")

# Headers of cuBLAS, cuBLASLt, cuDNN, cuFFT and cuSOLVER: the toolkit's, or those of the packages nvidia-cublas, nvidia-cudnn-cu13,
# nvidia-cudnn-frontend, nvidia-cufft and nvidia-cusolver in Python's site-packages.
set(plait_nvidia_hints "")
if(Python_SITELIB)
  list(APPEND plait_nvidia_hints "${Python_SITELIB}/nvidia/cu13/include" "${Python_SITELIB}/nvidia/cublas/include"
       "${Python_SITELIB}/nvidia/cudnn/include" "${Python_SITELIB}/nvidia/cufft/include" "${Python_SITELIB}/nvidia/cusolver/include"
       "${Python_SITELIB}/include")
endif()
foreach(header cublasLt.h cublas_v2.h cudnn.h cudnn_frontend.h nvrtc.h cufftXt.h cusolverDn.h)
  string(MAKE_C_IDENTIFIER "PLAIT_INCLUDE_${header}" variable)
  find_path(${variable} ${header} HINTS ${plait_nvidia_hints} ENV CUDA_PATH PATH_SUFFIXES include)
endforeach()
set(PLAIT_CUDA_VENDOR_INCLUDES "")
set(PLAIT_CUBLASLT_SOURCE "${PROJECT_SOURCE_DIR}/cuda/vendor/cublaslt_absent.cpp")
set(PLAIT_CUDNN_SOURCE "${PROJECT_SOURCE_DIR}/cuda/vendor/cudnn_absent.cpp")
set(PLAIT_CUFFT_SOURCE "${PROJECT_SOURCE_DIR}/cuda/vendor/cufft_absent.cpp")
set(PLAIT_CUSOLVER_SOURCE "${PROJECT_SOURCE_DIR}/cuda/vendor/cusolver_absent.cpp")
if(PLAIT_INCLUDE_cublasLt_h)
  set(PLAIT_CUBLASLT_SOURCE "${PROJECT_SOURCE_DIR}/cuda/vendor/cublaslt.cpp")
  list(APPEND PLAIT_CUDA_VENDOR_INCLUDES "${PLAIT_INCLUDE_cublasLt_h}")
else()
  message(STATUS "cublasLt.h was not found: matrix products on CUDA go without cuBLASLt. Try: pip install nvidia-cublas")
endif()
set(PLAIT_CUDNN_RNN_SOURCES "${PROJECT_SOURCE_DIR}/cuda/vendor/cudnn_rnn_absent.cpp")
if(PLAIT_INCLUDE_cudnn_h)
  set(PLAIT_CUDNN_RNN_SOURCES "${PROJECT_SOURCE_DIR}/cuda/vendor/cudnn_library.cpp" "${PROJECT_SOURCE_DIR}/cuda/vendor/cudnn_rnn.cpp")
  list(APPEND PLAIT_CUDA_VENDOR_INCLUDES "${PLAIT_INCLUDE_cudnn_h}")
endif()
if(PLAIT_INCLUDE_cudnn_h AND PLAIT_INCLUDE_cudnn_frontend_h AND PLAIT_INCLUDE_nvrtc_h)
  set(PLAIT_CUDNN_SOURCE "${PROJECT_SOURCE_DIR}/cuda/vendor/cudnn_runtime.cpp" "${PROJECT_SOURCE_DIR}/cuda/vendor/cudnn.cpp")
  list(APPEND PLAIT_CUDA_VENDOR_INCLUDES "${PLAIT_INCLUDE_cudnn_frontend_h}" "${PLAIT_INCLUDE_nvrtc_h}")
else()
  message(STATUS "cuDNN's headers were not found: convolution and attention on CUDA go without it. "
                 "Try: pip install nvidia-cudnn-cu13 nvidia-cudnn-frontend nvidia-cuda-nvrtc")
endif()
if(PLAIT_INCLUDE_cufftXt_h)
  set(PLAIT_CUFFT_SOURCE "${PROJECT_SOURCE_DIR}/cuda/vendor/cufft.cpp")
  list(APPEND PLAIT_CUDA_VENDOR_INCLUDES "${PLAIT_INCLUDE_cufftXt_h}")
else()
  message(STATUS "cufftXt.h was not found: Fourier transforms of CUDA tensors are computed on the CPU. Try: pip install nvidia-cufft")
endif()
if(PLAIT_INCLUDE_cusolverDn_h AND PLAIT_INCLUDE_cublas_v2_h)
  set(PLAIT_CUSOLVER_SOURCE "${PROJECT_SOURCE_DIR}/cuda/vendor/cusolver.cpp")
  list(APPEND PLAIT_CUDA_VENDOR_INCLUDES "${PLAIT_INCLUDE_cusolverDn_h}" "${PLAIT_INCLUDE_cublas_v2_h}")
else()
  message(STATUS "cusolverDn.h and cublas_v2.h were not found: matrices on CUDA are decomposed on the CPU. "
                 "Try: pip install nvidia-cusolver nvidia-cublas")
endif()

# NCCL's header is one of the package nvidia-nccl-cu13, or of a system's package. The emulator has its own.
set(PLAIT_NCCL_SOURCES "${PROJECT_SOURCE_DIR}/cuda/vendor/nccl.cpp" "${PROJECT_SOURCE_DIR}/cuda/vendor/nccl_connect.cpp"
  "${PROJECT_SOURCE_DIR}/cuda/vendor/nccl_group.cpp" "${PROJECT_SOURCE_DIR}/cuda/vendor/nccl_library.cpp"
  "${PROJECT_SOURCE_DIR}/cuda/vendor/nccl_types.cpp" "${PROJECT_SOURCE_DIR}/cuda/vendor/nccl_watchdog.cpp")
set(PLAIT_CUDA_NCCL_SOURCES "")
if(PLAIT_CUDA)
  find_path(PLAIT_INCLUDE_nccl_h nccl.h HINTS ${plait_nvidia_hints} "${Python_SITELIB}/nvidia/nccl/include" ENV NCCL_HOME ENV CUDA_PATH
    PATH_SUFFIXES include)
  if(PLAIT_INCLUDE_nccl_h)
    set(PLAIT_CUDA_NCCL_SOURCES ${PLAIT_NCCL_SOURCES})
  else()
    message(STATUS "nccl.h was not found: process groups of several GPUs are left out. Try: pip install nvidia-nccl-cu13")
  endif()
endif()

# CUPTI's are NVIDIA's package nvidia-cuda-cupti's, or the toolkit's, which may hold them apart. The emulator has its own.
set(PLAIT_CUPTI_SOURCE "")
if(PLAIT_CUDA)
  get_filename_component(plait_toolkit "${PLAIT_NVCC}/../.." ABSOLUTE)
  find_path(PLAIT_INCLUDE_cupti_h cupti.h HINTS ${plait_nvidia_hints} ENV CUDA_PATH "${plait_toolkit}" /usr/local/cuda
    PATH_SUFFIXES include extras/CUPTI/include)
  if(PLAIT_INCLUDE_cupti_h)
    set(PLAIT_CUPTI_SOURCE "${PROJECT_SOURCE_DIR}/cuda/vendor/cupti.cpp")
  else()
    message(STATUS "cupti.h was not found: profiles of CUDA devices see ops, not kernels. Try: pip install nvidia-cuda-cupti")
  endif()
endif()

add_library(plait_cuda_flags INTERFACE)
target_link_libraries(plait_cuda_flags INTERFACE plait_sanitizers)
target_compile_definitions(plait_cuda_flags INTERFACE PLAIT_BUILDING_CUDA)
target_compile_options(plait_cuda_flags INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;$<$<BOOL:${PLAIT_WERROR}>:-Werror>;-fno-plt;-march=x86-64-v2>
  $<$<COMPILE_LANGUAGE:CUDA>:--expt-relaxed-constexpr;-Xcompiler=-Wall,-Wextra;-diag-suppress=20012,445;$<$<BOOL:${PLAIT_WERROR}>:-Werror=all-warnings>>)
target_link_options(plait_cuda_flags INTERFACE -Wl,-Bsymbolic-functions -Wl,--gc-sections -Wl,--as-needed)

# The host's side of ops serves both libraries: of CUDA it sees handles alone, which are the emulator's as well; all calls and structs are
# the runtime's. It is compiled with NVIDIA's headers, or with the emulator's where there are no others.
if(PLAIT_CUDA OR PLAIT_CUDA_EMULATOR)
  add_library(plait_cuda_ops OBJECT ${PLAIT_CUDA_OPS})
  target_link_libraries(plait_cuda_ops PRIVATE plait plait_cuda_flags fmt::fmt-header-only)
  plait_precompile(plait_cuda_ops)
endif()

if(PLAIT_CUDA)
  add_subdirectory(cuda)
endif()
if(PLAIT_CUDA_EMULATOR AND EXISTS "${PROJECT_SOURCE_DIR}/cuda/emulator/CMakeLists.txt")
  add_subdirectory(cuda/emulator)
endif()
