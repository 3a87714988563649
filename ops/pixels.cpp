// Channels and pixels change places.
#include "ops/decl/pixels.h"
#include "ops/decl/view.h"
#include "ops/declare.h"
#include "ops/image_layout.h"

namespace plait::op {
namespace {

// The image whose dimensions, but for the first `leading`, are `channels` dimensions of `parts` taken
// together, and the others by pairs or alone, in the layout of `like`.
Tensor joined(const Tensor& parts, int leading, int channels, const Dims& sizes, const Tensor& like) {
  if (!is_laid_out_channels_last(like)) return plait::reshape(parts, sizes);
  const int n = sizes.size(), split = static_cast<int>(parts.dim());
  Dims order, last, back;
  for (int d = 0; d < split; ++d)
    if (d < leading || d >= leading + channels) order.push_back(d);
  for (int d = 0; d < channels; ++d) order.push_back(leading + d);
  for (int d = 0; d < n; ++d)
    if (d != leading) last.push_back(sizes[d]);
  last.push_back(sizes[leading]);
  for (int d = 0; d < n; ++d) back.push_back(d < leading ? d : d == leading ? n - 1 : d - 1);
  return plait::permute(plait::reshape(plait::permute(parts, order), last), back);
}

// self with its dimensions (C, H, W) taken apart, in another order, and joined to `sizes`.
Tensor shuffled(const Tensor& self, const Dims& apart, const Dims& order, int channels, const Dims& joins) {
  const int leading = static_cast<int>(self.dim()) - 3;
  Dims split, places, sizes;
  for (int i = 0; i < leading; ++i) {
    split.push_back(self.sizes()[i]);
    sizes.push_back(self.sizes()[i]);
    places.push_back(i);
  }
  for (const int64_t size : apart) split.push_back(size);
  for (const int64_t d : order) places.push_back(leading + d);
  for (const int64_t size : joins) sizes.push_back(size);
  return joined(plait::permute(plait::reshape(self, split), places), leading, channels, sizes, self);
}

}  // namespace

Op<Tensor(const Tensor&, int64_t)> pixel_shuffle{{
    .schema = "pixel_shuffle(Tensor self, int upscale_factor) -> Tensor",
    .doc =
        R"(Channels to pixels: (*, C r^2, H, W) to (*, C, H r, W r). Shi et al. 2016, "Real-time single image and video super-resolution".

>>> plait.pixel_shuffle(plait.zeros(1, 4, 2, 2), 2).shape
plait.Size([1, 1, 4, 4]))",
    .composite =
        [](const Tensor& self, int64_t r) {
          const int n = static_cast<int>(self.dim());
          check(n >= 3,
                "pixel_shuffle: expected at least 3 dimensions (channels, height, width), got shape {}",
                self.sizes());
          check(r > 0 && r < (1 << 20) && self.sizes()[n - 3] % (r * r) == 0,
                "pixel_shuffle: expected a positive upscale_factor whose square divides the {} channels, got "
                "{}",
                self.sizes()[n - 3], r);
          const int64_t c = self.sizes()[n - 3] / (r * r), h = self.sizes()[n - 2], w = self.sizes()[n - 1];
          return shuffled(self, Dims{c, r, r, h, w}, Dims{0, 3, 1, 4, 2}, 1, Dims{c, h * r, w * r});
        },
    .kind = Kind::Index,
}};

Op<Tensor(const Tensor&, int64_t)> pixel_unshuffle{{
    .schema = "pixel_unshuffle(Tensor self, int downscale_factor) -> Tensor",
    .doc = R"(Pixels to channels, the inverse of pixel_shuffle: (*, C, H r, W r) to (*, C r^2, H, W).

>>> plait.pixel_unshuffle(plait.zeros(1, 1, 4, 4), 2).shape
plait.Size([1, 4, 2, 2]))",
    .composite =
        [](const Tensor& self, int64_t r) {
          const int n = static_cast<int>(self.dim());
          check(n >= 3,
                "pixel_unshuffle: expected at least 3 dimensions (channels, height, width), got shape {}",
                self.sizes());
          check(r > 0 && self.sizes()[n - 2] % r == 0 && self.sizes()[n - 1] % r == 0,
                "pixel_unshuffle: expected a positive downscale_factor that divides height and width of {}, "
                "got {}",
                self.sizes(), r);
          const int64_t c = self.sizes()[n - 3], h = self.sizes()[n - 2] / r, w = self.sizes()[n - 1] / r;
          return shuffled(self, Dims{c, h, r, w, r}, Dims{0, 2, 4, 1, 3}, 3, Dims{c * r * r, h, w});
        },
    .kind = Kind::Index,
}};

Op<Tensor(const Tensor&, int64_t)> channel_shuffle{{
    .schema = "channel_shuffle(Tensor self, int groups) -> Tensor",
    .doc = R"(Interleaves `groups` groups of the channels of (N, C, *) (Zhang et al. 2018, "ShuffleNet").

>>> plait.channel_shuffle(plait.arange(4).reshape(1, 4, 1), 2).flatten()
tensor([0, 2, 1, 3]))",
    .composite =
        [](const Tensor& self, int64_t groups) {
          check(self.dim() >= 3 && groups > 0 && self.sizes()[1] % groups == 0,
                "channel_shuffle: expected (N, C, *) with C divisible by groups, got shape {} and groups={}",
                self.sizes(), groups);
          Dims split{self.sizes()[0], groups, self.sizes()[1] / groups}, order{0, 2, 1};
          for (int d = 2; d < self.dim(); ++d) {
            split.push_back(self.sizes()[d]);
            order.push_back(d + 1);
          }
          return joined(plait::permute(plait::reshape(self, split), order), 1, 2, self.sizes(), self);
        },
    .kind = Kind::Index,
}};

}  // namespace plait::op
