// Tells two interleaved spirals apart: a small network, trained in C++ with the names of plait's Python.
//
//   PREFIX=$(python -c "import plait.utils; print(plait.utils.cmake_prefix_path)")
//   cmake -S examples/cpp -B build/cpp -DCMAKE_PREFIX_PATH=$PREFIX
//   cmake --build build/cpp && build/cpp/spirals
#include <chrono>
#include <cstdio>

#include <plait/nn.h>
using namespace plait;

struct Net {
  nn::Linear first{2, 64}, second{64, 64}, last{64, 2};

  Tensor operator()(const Tensor& x) const { return last(relu(second(relu(first(x))))); }
  std::vector<Tensor> parameters() const { return nn::parameters(first, second, last); }
};

// n points on each of two spirals of one and a half turns, with a little noise, and which one they lie on.
std::pair<Tensor, Tensor> two_spirals(int64_t n) {
  const Tensor angle = sqrt(rand({n})) * 3 * 3.14159265;
  const Tensor spiral = stack({cos(angle), sin(angle)}, 1) * angle.unsqueeze(1) / 9.5;
  const Tensor points = cat({spiral, -spiral}) + randn({2 * n, 2}) * 0.03;
  return {points, cat({zeros({n}, DType::Int64), ones({n}, DType::Int64)})};
}

double accuracy(const Net& net, const Tensor& x, const Tensor& y) {
  const NoGrad guard;
  return (argmax(net(x), 1) == y).to(DType::Float32).mean().item<double>();
}

int main() try {
  constexpr int kSteps = 400;
  const auto [x, y] = two_spirals(500);
  const auto [x_test, y_test] = two_spirals(500);
  const Net net;
  optim::Adam optimizer(net.parameters(), {.lr = 1e-2});

  const auto start = std::chrono::steady_clock::now();
  for (int step = 0; step <= kSteps; ++step) {
    const Tensor loss = cross_entropy(net(x), y);
    if (step % 100 == 0) std::printf("step %3d  loss %.4f\n", step, loss.item<double>());
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  std::printf("test accuracy %.1f%% after %d steps, %.2f s\n", 100 * accuracy(net, x_test, y_test), kSteps,
              seconds.count());
} catch (const Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
