/* plait's C ABI: what a library of outside ops and plait say to each other.
 *
 * Everything goes through one table of functions (plait_api) that plait hands to the library when it loads
 * it, so that the library needs no symbol of plait's. Within one version the table only grows, at its end;
 * structs that cross the border carry their size or are never changed. A library built against an older
 * header therefore loads in a newer plait; one that needs more than a plait has is refused with a message
 * that says so.
 *
 * C++ code includes plait/extension.h, which is written on top of this and nothing else.
 *
 * Ownership: a function that returns a plait_tensor through `out` gives one reference away, to be dropped
 * with tensor_release; tensors in arguments are borrowed for the length of the call. Errors: functions that
 * can fail return 0, or -1 with the error kept for the thread (last_error). Callbacks do the same, after
 * set_error or after a call that failed.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define PLAIT_ABI_VERSION 1

#ifdef __cplusplus
extern "C" {
#endif

typedef struct plait_tensor plait_tensor; /* reference counted; null is "no tensor" (None) */
typedef struct plait_op plait_op;
typedef struct plait_vjp plait_vjp;
typedef struct plait_generator plait_generator;
typedef struct plait_function_call plait_function_call; /* of a custom Function, while its forward runs */
typedef struct plait_function_context plait_function_context; /* what forward leaves for backward */

enum { /* errors, as in Python */
       PLAIT_RUNTIME_ERROR,
       PLAIT_TYPE_ERROR,
       PLAIT_VALUE_ERROR,
       PLAIT_INDEX_ERROR,
       PLAIT_NOT_IMPLEMENTED_ERROR,
       PLAIT_OUT_OF_MEMORY_ERROR
};

enum {
  PLAIT_BOOL,
  PLAIT_UINT8,
  PLAIT_INT8,
  PLAIT_INT16,
  PLAIT_INT32,
  PLAIT_INT64,
  PLAIT_FLOAT16,
  PLAIT_BFLOAT16,
  PLAIT_FLOAT32,
  PLAIT_FLOAT64,
  PLAIT_COMPLEX64,
  PLAIT_COMPLEX128,
  PLAIT_FLOAT8_E4M3FN,
  PLAIT_FLOAT8_E5M2
};

enum { PLAIT_CPU, PLAIT_CUDA, PLAIT_PRIVATE1, PLAIT_PRIVATE2, PLAIT_PRIVATE3, PLAIT_META };

typedef struct plait_device {
  int8_t type;
  int8_t index; /* -1: the current one */
} plait_device;

/* One argument or result. */
enum {
  PLAIT_NONE,
  PLAIT_TENSOR,
  PLAIT_TENSORS,   /* as.list of plait_tensor* */
  PLAIT_BOOLEAN,   /* as.integer */
  PLAIT_INTEGER,   /* as.integer */
  PLAIT_REAL,      /* as.real */
  PLAIT_COMPLEX,   /* as.complex */
  PLAIT_INTEGERS,  /* as.list of int64_t */
  PLAIT_REALS,     /* as.list of double */
  PLAIT_DTYPE,     /* as.integer */
  PLAIT_DEVICE,    /* as.device */
  PLAIT_FORMAT,    /* as.integer: a memory format */
  PLAIT_GENERATOR, /* as.generator */
  PLAIT_STRING     /* as.list of char, not ended by 0 */
};
typedef struct plait_value {
  int32_t tag;
  int32_t reserved;
  union {
    plait_tensor* tensor;
    int64_t integer;
    double real;
    struct {
      double real, imag;
    } complex;
    struct {
      const void* items;
      int64_t count;
    } list;
    plait_device device;
    plait_generator* generator;
  } as;
} plait_value;

/* What a tensor is. The pointers are good as long as the tensor is held and not resized. */
typedef struct plait_tensor_info {
  void* data; /* the first element; null on the Meta device */
  const int64_t* sizes;
  const int64_t* strides; /* in elements */
  int64_t numel;
  int32_t ndim;
  int32_t dtype;
  plait_device device;
  uint8_t contiguous;
  uint32_t version; /* how often its memory was written in place */
} plait_tensor_info;

/* A tensor to be. */
enum { PLAIT_MAX_DIMS = 32 };
typedef struct plait_spec {
  int32_t ndim;
  int32_t dtype;
  plait_device device;
  uint8_t has_strides; /* 0: contiguous */
  int64_t sizes[PLAIT_MAX_DIMS];
  int64_t strides[PLAIT_MAX_DIMS];
} plait_spec;

/* One run of an elementwise loop: pointers and strides in bytes of each operand, outputs first. */
typedef int (*plait_loop)(char* const* data, const int64_t* strides, int64_t n, const void* context);
typedef int (*plait_range)(int64_t begin, int64_t end, const void* context);

typedef int (*plait_kernel)(void* context, plait_tensor* const* outs, const plait_value* args);
typedef int (*plait_function)(void* context, const plait_value* args, plait_value* results);

enum { PLAIT_FUNCTIONAL, PLAIT_INPLACE, PLAIT_OUT };                   /* forms of a call */
enum { PLAIT_INPLACE_NONE, PLAIT_INPLACE_DIRECT, PLAIT_INPLACE_COPY }; /* plait_op_decl.inplace */
enum { PLAIT_OP_HAS_OUT = 1, PLAIT_OP_NO_GRAD = 2 };                   /* plait_op_decl.flags */

/* The usual shape rules, which plait applies itself: a result like the first tensor; one of the broadcast
 * shape of all tensors, of the promoted dtype; the same, with integers taken as the default float. */
enum { PLAIT_INFER_BY_META, PLAIT_INFER_LIKE_FIRST, PLAIT_INFER_BROADCAST, PLAIT_INFER_BROADCAST_FLOAT };

/* An op. Exactly one of `meta` or `infer` (with kernels), `direct`, `composite` is set. */
typedef struct plait_op_decl {
  size_t size; /* sizeof(plait_op_decl) */
  const char* schema;
  const char* doc;
  const char* save;
  const char* library; /* who declares it */
  int32_t kind;
  int32_t inplace;
  uint32_t dtypes; /* bit i: dtype i may be the first tensor's */
  uint32_t flags;
  /* The C++ signature's parameter types (core's order of ParamType) and whether each is optional; may be
   * null. */
  const uint8_t* types;
  const uint8_t* optionals;
  int32_t type_count;
  int32_t infer;
  void* context; /* handed to every callback */
  int (*meta)(void* context, const plait_value* args, plait_spec* specs);
  plait_kernel cpu, cuda;
  plait_function direct, direct_cuda, direct_meta, composite;
  int (*vjp)(void* context, plait_vjp* vjp);
} plait_op_decl;

/* A custom Function's backward: one gradient for each argument of forward, null where there is none. */
typedef int (*plait_backward)(void* context, plait_function_context*, plait_tensor* const* grads,
                              int64_t grad_count, plait_tensor** results, int64_t result_count);
enum { PLAIT_MARK_DIRTY, PLAIT_MARK_NON_DIFFERENTIABLE };

typedef struct plait_api {
  uint32_t abi_version;
  uint32_t size; /* bytes of this table */
  const char* (*version)(void);

  /* errors */
  const char* (*last_error)(int* kind);
  void (*set_error)(int kind, const char* text, size_t length);

  /* tensors */
  void (*tensor_retain)(plait_tensor*);
  void (*tensor_release)(plait_tensor*);
  void (*tensor_info)(plait_tensor*, plait_tensor_info*);
  int (*tensor_empty)(const plait_spec*, plait_tensor** out);
  /* Borrowed memory: `deleter(context)` gives it back; strides as in spec. */
  int (*tensor_from_blob)(void* data, const plait_spec*, void (*deleter)(void*), void* context,
                          plait_tensor** out);
  /* A 0-d tensor; dtype -1: weak in promotion, as a Python number is. */
  int (*tensor_number)(const plait_value*, int32_t dtype, plait_tensor** out);
  int (*tensor_item)(const plait_tensor*, plait_value* out);
  void (*tensor_bump_version)(plait_tensor*);

  /* values that own what they hold: results of op_call */
  void (*value_release)(plait_value*);
  /* Room for a PLAIT_TENSORS result of a callback; plait takes it and the references in it over. */
  plait_tensor** (*list_new)(int64_t count);

  /* ops */
  int (*op_find)(const char* full_name, const plait_op** out);
  int (*op_param)(const plait_op*, const char* name); /* position in the schema, or -1 */
  /* Arguments by position; those left out take their defaults. `outs`: of the form PLAIT_OUT. */
  int (*op_call)(const plait_op*, int form, const plait_value* args, int64_t count, plait_tensor* const* outs,
                 int64_t out_count, plait_value* results);
  int (*op_declare)(const plait_op_decl*, const plait_op** out);
  /* A kernel of another device for an op that is declared already, by anybody. `types`: of its arguments, as
   * in plait_op_decl, to be held against the schema. */
  int (*op_attach)(const char* full_name, int device_type, const uint8_t* types, int type_count,
                   int result_count, void* context, plait_kernel);

  /* Meta rules: a result like `model`; one of the broadcast shape of several tensors. dtype -1: theirs,
   * promoted; -2: the same, with integers taken as the default float. `who` stands in the errors. */
  int (*infer_like)(plait_tensor* model, int dtype, plait_spec* out);
  int (*infer_elementwise)(const char* who, plait_tensor* const* operands, int count, int dtype,
                           plait_spec* out);

  /* autograd */
  int (*grad_mode)(void);
  int (*set_grad_mode)(int on); /* returns what it was */
  int (*requires_grad)(plait_tensor*);
  int (*set_requires_grad)(plait_tensor*, int on);
  int (*grad)(const plait_tensor*, plait_tensor** out); /* null where there is none */
  int (*set_grad)(plait_tensor*, plait_tensor* grad);
  int (*backward)(plait_tensor* const* roots, plait_tensor* const* grads, int64_t count, int retain_graph,
                  int create_graph, plait_tensor* const* inputs, int64_t input_count, plait_tensor** results);

  /* Custom Functions: begin, run forward without recording, finish (which takes `outputs` and gives back what
   * to return), end. `inputs`: null where an argument of forward is no tensor. `deleter(context)` runs when
   * neither the call nor the graph needs `context` any more. */
  int (*function_begin)(const char* name, plait_tensor* const* inputs, int64_t count, plait_backward,
                        void (*deleter)(void*), void* context, plait_function_call** out);
  plait_function_context* (*function_context)(plait_function_call*);
  int (*function_finish)(plait_function_call*, plait_tensor** outputs, int64_t count);
  void (*function_end)(plait_function_call*);
  int (*function_save)(plait_function_context*, plait_tensor* const*, int64_t count);
  int (*function_mark)(plait_function_context*, int what, plait_tensor* const*, int64_t count);
  int (*function_materialize_grads)(plait_function_context*, int on);
  int (*function_needs_input_grad)(plait_function_context*, int64_t argument);
  int (*function_saved)(plait_function_context*,
                        plait_value* out); /* PLAIT_TENSORS, owned; in backward only */

  /* in a derivative: positions are those of the schema */
  int (*vjp_grad)(plait_vjp*, int output, plait_tensor** out);
  int (*vjp_in)(plait_vjp*, int param, int item, plait_tensor** out);
  int (*vjp_out)(plait_vjp*, int output, plait_tensor** out);
  int (*vjp_attr)(plait_vjp*, int param, plait_value* out); /* borrowed */
  int (*vjp_count)(plait_vjp*, int param);                  /* tensors of a list */
  int (*vjp_needs)(plait_vjp*, int param, int item);
  int (*vjp_spec)(plait_vjp*, int param, int item, plait_spec* out); /* of the argument; without strides */
  int (*vjp_set)(plait_vjp*, int param, int item, plait_tensor* grad);
  const plait_op* (*vjp_op)(plait_vjp*);

  /* loops and threads */
  /* Runs the loop of the right dtype over `operands` (the results first), broadcast. The dtype is the first
   * result's, or with `predicate`, where results are bool, that of the inputs, promoted; inputs of another
   * one are converted. `loops` has one entry a dtype, null where there is none. `cost`: the work of an
   * element, relative to a load and an add. */
  int (*elementwise)(plait_tensor* const* operands, int results, int inputs, int predicate,
                     const plait_loop* loops, const void* context, int cost);
  int (*parallel_for)(int64_t begin, int64_t end, int64_t grain, plait_range, const void* context);
  int (*num_threads)(void);

  /* random: the address of one op's numbers (plait/philox.h); null: the default generator */
  int (*draw)(plait_generator*, uint64_t* seed, uint64_t* offset);
  int (*generator_new)(plait_generator** out);
  void (*generator_release)(plait_generator*);
  int (*manual_seed)(plait_generator*, uint64_t seed);

  /* devices */
  int (*parse_device)(const char* text, plait_device* out);
  int (*claim_device)(const char* name, int* type);
  int (*set_allocator)(int type, void* (*allocate)(size_t bytes), void (*release)(void* data, size_t bytes));

  /* ---- the first table ended here (tests/abi/1) */

  /* The queue that the calling thread's work for a device goes to: of CUDA a cudaStream_t, null for the
   * default stream. An error where a device has no such thing, as the CPU. */
  int (*current_stream)(plait_device device, void** out);
} plait_api;

/* What a library exports under the name plait_extension_info. */
typedef struct plait_extension {
  uint32_t abi_version; /* PLAIT_ABI_VERSION when it was built */
  uint32_t api_size;    /* bytes of the table that it was built with */
  const char* name;     /* the namespace of its ops */
  int (*init)(const plait_api*);
} plait_extension;

/* For programs that link libplait: null where this plait does not offer `abi_version`. */
const plait_api* plait_get_api(uint32_t abi_version);

#ifdef __cplusplus
}
#endif
