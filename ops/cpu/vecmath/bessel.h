// Bessel functions of order 0 and 1, in double.
//
// Below the boundaries polynomials in x^2, times the zeros there or beside the logarithm; above them
// polynomials in the reciprocal, which for the functions of real zeros are amplitudes of sine and cosine
// (DLMF 10.17): these are of x - pi/4, reduced as such, since the difference of sin(x) and cos(x) would
// cancel.
//
// The coefficients are interpolations at Chebyshev's points, by 60-digit arithmetic, in powers of t in [-1,
// 1]; their errors are below 2^-56 of the value, 2^-53 of a term that is 1/5 of it at most.
#pragma once

#include "ops/cpu/vecmath/base.h"
#include "ops/cpu/vecmath/explog.h"
#include "ops/cpu/vecmath/trig.h"

namespace plait::vec {
namespace {

inline constexpr double kTwoOverPi = 0.6366197723675814, kSqrtTwoOverPi = 0.7978845608028654;

// ---- J and Y: of |x|, small up to 5

inline constexpr double kSmallBessel = 5;
inline constexpr double kLargeBessel = 0x1p16;  // beyond it the reduction has not the digits

// x^2 - r^2, exact near the zero r = high + low.
PLAIT_INLINE double off_zero(double x, double high, double low) { return (x - high - low) * (x + high); }
PLAIT_INLINE double small_square(double x) { return fma(x * x, 0.08, -1.0); }  // [0, 5] to [-1, 1]

PLAIT_INLINE double j0_small(double x) {
  const double t = small_square(x);
  const double rest =
      poly(t, -0.05728080421634534, 0.07436630462755323, -0.03277786210789048, 0.0073758943041960226,
           -0.001013405346985002, 9.414473580694953e-05, -6.3193186183226215e-06, 3.211562353433063e-07,
           -1.2795360168830179e-08, 4.105688303721103e-10, -1.0840781056083564e-11, 2.399602248240359e-13,
           -4.50857521753263e-15);
  return off_zero(x, 2.404825557695773, -1.176691651530894e-16) * rest;
}
PLAIT_INLINE double j1_small(double x) {
  const double t = small_square(x);
  const double rest =
      poly(t, -0.01587595431164548, 0.013090777521810029, -0.004240225993395717, 0.0007552540432951287,
           -8.592956232073762e-05, 6.814683895176615e-06, -3.991381169521328e-07, 1.799515992541992e-08,
           -6.44313098846173e-10, 1.8773810470060388e-11, -4.540044272545434e-13, 9.268689637917528e-15,
           -1.6162359403482695e-16);
  return off_zero(x, 3.8317059702075125, -1.5269184090088067e-16) * x * rest;
}
PLAIT_INLINE double y0_small(double x) {
  const double t = small_square(x);
  const double rest =
      poly(t, 0.4837248578102995, -0.4326558222855125, -0.4705763655297288, 0.38851639956570944,
           -0.11151682184328618, 0.01763534538933875, -0.0018028096665526022, 0.00012994629092087043,
           -6.9855043677424995e-06, 2.9142206877725446e-07, -9.720964498735147e-09, 2.6539990842050477e-10,
           -6.0431800819704165e-12, 1.1655643914306794e-13, -1.9305329340667354e-15, 2.7721643840258097e-17);
  return fma(kTwoOverPi * log(x), j0_small(x), rest);
}
PLAIT_INLINE double y1_small(double x) {
  const double t = small_square(x);
  const double rest =
      poly(t, 0.13974939033568806, 0.09108650838448444, -0.16312020358118715, 0.06634695354779108,
           -0.013433433740818153, 0.0016688031328635942, -0.0001414183579449178, 8.733098304848775e-06,
           -4.1137780773696086e-07, 1.528890182573714e-08, -4.6013042449452644e-10, 1.1448943838049981e-11,
           -2.395476597843511e-13, 4.277907601247645e-15, -6.587839501919679e-17);
  const double y = fma(kTwoOverPi, fma(log(x), j1_small(x), -1.0 / x), x * rest);
  return select(x == 0.0, -kInfinity<double>, y);
}

// sin(x - pi/4) and cos(x - pi/4).
struct SineCosine {
  double sine, cosine;
};
PLAIT_INLINE SineCosine quarter_phase(double x) {
  const double rounded = fma(x, kTwoOverPi, -0.5) + Format<double>::kRound;
  const ReducedBy a = reduce_by(x, rounded - Format<double>::kRound + 0.5);
  const UInt<double> quadrant = to_bits(rounded);
  const double s = sin_kernel(a.r, a.low), c = cos_kernel(a.r, a.low);
  const bool odd = (quadrant & 1) != 0;
  const UInt<double> sine_sign = (quadrant & 2) << 62, cosine_sign = ((quadrant + 1) & 2) << 62;
  return {from_bits(to_bits(select(odd, c, s)) ^ sine_sign),
          from_bits(to_bits(select(odd, s, c)) ^ cosine_sign)};
}
// Amplitudes of the two, without the factor sqrt(2 / (pi x)).
struct Amplitudes {
  double p, q;
};
PLAIT_INLINE double large_square(double x) { return fma(50.0 / x, 1.0 / x, -1.0); }  // [5, inf) to (-1, 1]
PLAIT_INLINE Amplitudes amplitudes0(double x) {
  const double t = large_square(x);
  const double p =
      poly(t, 0.9986347659091991, -0.0013274931272004003, 3.4917305812543486e-05, -2.459963321484891e-06,
           2.9759005474711905e-07, -5.08643230838394e-08, 1.1058787126508455e-08, -2.8705436149232575e-09,
           8.537333898998171e-10, -2.851794579729694e-10, 1.0446084050144923e-10, -3.538662922896775e-11,
           1.2588002430248643e-11, -1.3637307914439566e-11, 8.357591428468511e-12, 3.415311542572876e-12,
           -2.8395786688743523e-12, -2.235391154912044e-12, 1.4342144484717672e-12);
  const double q =
      poly(t, -0.12361496352611864, 0.0013142139729101605, -6.338715442509227e-05, 6.2391131760670245e-06,
           -9.409875326303781e-07, 1.8870283952552904e-07, -4.639780222830044e-08, 1.3297944779036059e-08,
           -4.2956720406289e-09, 1.5208164406105877e-09, -5.807076541759017e-10, 2.584878097830186e-10,
           -1.2217552880455308e-10, 1.5124462364733147e-11, 6.984564440803126e-12, 4.887938606932425e-11,
           -3.7236674347798943e-11, -2.1805674415621824e-11, 1.765206728234887e-11, 8.561141204555756e-12,
           -6.032028747865075e-12);
  return {p, q / x};
}
PLAIT_INLINE Amplitudes amplitudes1(double x) {
  const double t = large_square(x);
  const double p =
      poly(t, 1.0022906462560661, 0.002241463213917191, -4.5782806531265707e-05, 2.9786211051441743e-06,
           -3.4667186514153773e-07, 5.7916678422140156e-08, -1.2403215219140042e-08, 3.1849577586739448e-09,
           -9.395751413733448e-10, 3.117737074105936e-10, -1.1357643207946474e-10, 3.8451893184433864e-11,
           -1.3682028558855844e-11, 1.4551592853265448e-11, -8.878743173627245e-12, -3.5906738400843512e-12,
           2.988136888593515e-12, 2.368522528186767e-12, -1.516811852611783e-12);
  const double q =
      poly(t, 0.3730474331740802, -0.001864849621841221, 7.89809417818545e-05, -7.369927954545263e-06,
           1.079885314279598e-06, -2.1266726345215035e-07, 5.164244589339483e-08, -1.4665671158924864e-08,
           4.697491706930299e-09, -1.6563207992528956e-09, 6.545020798796693e-10, -2.7862990677601125e-10,
           7.462088298658045e-11, -1.6919085465641968e-11, 7.247534834561339e-11, -5.161592743085566e-11,
           -2.8238891623756554e-11, 2.2920253872927297e-11, 1.3206143080854314e-11, -9.024649722544322e-12);
  return {p, q / x};
}
PLAIT_INLINE double decay(double x) { return kSqrtTwoOverPi / sqrt(x); }
PLAIT_INLINE double j0_large(double x) {
  const SineCosine of = quarter_phase(x);
  const Amplitudes by = amplitudes0(x);
  return decay(x) * (by.p * of.cosine - by.q * of.sine);
}
PLAIT_INLINE double y0_large(double x) {
  const SineCosine of = quarter_phase(x);
  const Amplitudes by = amplitudes0(x);
  return decay(x) * (by.p * of.sine + by.q * of.cosine);
}
PLAIT_INLINE double j1_large(double x) {
  const SineCosine of = quarter_phase(x);
  const Amplitudes by = amplitudes1(x);
  return decay(x) * (by.p * of.sine + by.q * of.cosine);
}
PLAIT_INLINE double y1_large(double x) {
  const SineCosine of = quarter_phase(x);
  const Amplitudes by = amplitudes1(x);
  return decay(x) * (by.q * of.sine - by.p * of.cosine);
}

// ---- K: of x > 0, small up to 1, where the logarithm does not cancel much yet; the large ones times exp(x)

inline constexpr double kSmallModified = 1;

PLAIT_INLINE double k0_small(double x) {
  const double t = fma(2.0 * x, x, -1.0);
  const double i0 =
      poly(t, 1.1289609294541276, 0.1329769664783382, 0.00407157485171389, 5.597023382279154e-05,
           4.345626715461582e-07, 2.1638241182472153e-09, 7.491107368941348e-12, 1.9067419751456102e-14);
  const double rest =
      poly(t, -0.5206942059547768, 0.06026431240552072, 0.003812939164235204, 7.07386828628527e-05,
           6.566626025753527e-07, 3.6992200712159895e-09, 1.4048297285353525e-11, 3.8470260453358397e-14);
  return fma(-log(0.5 * x), i0, rest);
}
PLAIT_INLINE double k1_small(double x) {
  const double t = fma(2.0 * x, x, -1.0);
  const double i1 =
      x * poly(t, 0.5319078659133528, 0.03257259881371105, 0.0006716428058734986, 6.953002745482062e-06,
               4.3276482364299776e-08, 1.7978479238015574e-10, 5.33888268665659e-13, 1.1896496243991286e-15);
  const double rest = poly(t, 1.008432304643086, -0.0028034149896439845, -0.01160461390240397,
                           -0.0003737151641757246, -4.855730350520921e-06, -3.499695424825921e-08,
                           -1.6162520265190094e-10, -5.20791611738079e-13, -1.2393711591529967e-15);
  return select(x == 0.0, kInfinity<double>, fma(log(0.5 * x), i1, rest / x));
}
PLAIT_INLINE double k0_large(double x) {
  const double t = 2.0 / x - 1.0;
  return poly(t, 1.1901571834152027, -0.0522790114917577, 0.008067386548372201, -0.0019084014862734363,
              0.0005692398884395873, -0.00019727982061389378, 7.608265618217879e-05, -3.181480563469283e-05,
              1.4181664161361227e-05, -6.658994277338526e-06, 3.2652225767462253e-06, -1.6653737675780888e-06,
              8.788100555489335e-07, -4.5160578287500606e-07, 2.311871802792539e-07, -2.3202854129329047e-07,
              1.998698242699401e-07, 2.0294056802289497e-07, -2.883890981225274e-07, -5.726676094777936e-07,
              6.628722848274548e-07, 8.799046504578672e-07, -9.77714754752502e-07, -1.0289697462594406e-06,
              1.0795329957011639e-06, 8.370799697444411e-07, -8.385030808273117e-07, -4.6055169493597123e-07,
              4.4119063377141706e-07, 1.5290053399938993e-07, -1.4067516272893878e-07,
              -2.3784325357181936e-08, 2.0985384923080977e-08) /
         sqrt(x);
}
PLAIT_INLINE double k1_large(double x) {
  const double t = 2.0 / x - 1.0;
  return poly(t, 1.4615569735231244, 0.18797890654571855, -0.015852854565983437, 0.0031120066456231514,
              -0.0008443927414760359, 0.0002760388399705941, -0.00010227195021987323, 4.152315925908098e-05,
              -1.8092857437286173e-05, 8.342551942919494e-06, -4.030276119996956e-06, 2.0295346733984334e-06,
              -1.0591670141582397e-06, 5.418683353836388e-07, -2.7711659724826755e-07, 2.6532661955711313e-07,
              -2.2384026575231694e-07, -2.1626576754352872e-07, 3.1015032484825073e-07, 6.225946860783068e-07,
              -7.187758069191014e-07, -9.545322767894645e-07, 1.059061754889333e-06, 1.1170624309986416e-06,
              -1.1699232767889883e-06, -9.088111933518854e-07, 9.088288174678336e-07, 5.00219639468379e-07,
              -4.783633120583913e-07, -1.6612903754172516e-07, 1.5258088822221483e-07, 2.5863255020050868e-08,
              -2.277802103992898e-08) /
         sqrt(x);
}

}  // namespace
}  // namespace plait::vec
