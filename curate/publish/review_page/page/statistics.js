// When to stop: curate/review/estimates.py in JavaScript, with the constants that the page's data brings. Tests compare the two.
const UNDECIDED = -1, RIGHT = 0, WRONG = 1, AMBIGUOUS = 2;
const TAILS = [0.025, 0.975];
const COURSES = [];
for (let a = 0; a <= 80; a++) for (let b = 0; b <= 30; b++) COURSES.push([-10 + a / 4, -7.5 + b / 4]);
const softplus = (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const expit = (x) => 1 / (1 + Math.exp(-x));
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

const errorChances = (S, used, isError, ahead) => {
  const logs = used.map(Math.log1p);
  const centre = mean(logs), spread = Math.sqrt(mean(logs.map((x) => (x - centre) ** 2)));
  const x = logs.map((value) => (value - centre) / spread), xAhead = ahead.map((place) => (Math.log1p(place) - centre) / spread);
  const posterior = COURSES.map(([intercept, slope]) => {
    let sum = 0.5 * intercept - softplus(intercept) - 0.5 * (slope / S.slope_scale) ** 2;
    for (let i = 0; i < x.length; i++) {
      const logit = intercept + slope * x[i];
      sum += (isError[i] ? logit : 0) - softplus(logit);
    }
    return sum;
  });
  const most = posterior.reduce((a, b) => Math.max(a, b));
  const kept = COURSES.map((course, g) => [course, Math.exp(posterior[g] - most)]).filter(([, weight]) => weight > S.negligible);
  const total = kept.reduce((sum, [, weight]) => sum + weight, 0);
  return kept.map(([[intercept, slope], weight]) => ({ weight: weight / total, chances: xAhead.map((value) => expit(intercept + slope * value)) }));
};
const tails = (mass, most) => {
  let sum = 0;
  const ends = [null, null];
  mass.forEach((share, k) => {
    sum += share;
    TAILS.forEach((tail, end) => { if (ends[end] === null && sum >= tail) ends[end] = k; });
  });
  return ends.map((end) => Math.min(end ?? most, most));
};
const numberOfErrors = (courses) => {
  const n = courses[0].chances.length, mixed = new Float64Array(n + 1);
  let value = 0;
  for (const { weight, chances } of courses) {
    const mass = new Float64Array(n + 1);
    mass[0] = 1;
    chances.forEach((chance, i) => {
      for (let k = i + 1; k > 0; k--) mass[k] = mass[k] * (1 - chance) + mass[k - 1] * chance;
      mass[0] *= 1 - chance;
      value += weight * chance;
    });
    for (let k = 0; k <= n; k++) mixed[k] += weight * mass[k];
  }
  const [low, high] = tails([...mixed], n);
  return { value, low, high };
};
const expectedErrorsInNext = (S, codes, numNext) => {
  const ahead = [], decided = [];
  codes.forEach((code, place) => { (code === UNDECIDED ? (ahead.length < numNext ? ahead : []) : decided).push(place); });
  if (!ahead.length || decided.length < S.min_decided) return null;
  const last = ahead[ahead.length - 1];
  const distance = (place) => Math.max(ahead[0] - place, place - last, 0);
  const used = decided.map((place) => [distance(place), place]).sort((a, b) => a[0] - b[0] || a[1] - b[1]).slice(0, S.window).map(([, place]) => place);
  const courses = errorChances(S, used, used.map((place) => codes[place] === WRONG), ahead);
  return { ...numberOfErrors(courses), num_next: ahead.length, num_used: used.length };
};

const LANCZOS = [676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059, 12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7];
const logGamma = (z) => { // Lanczos, g = 7: some 15 digits for z > 0
  if (z < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * z)) - logGamma(1 - z);
  const x = z - 1, t = x + 7.5;
  return 0.5 * Math.log(2 * Math.PI) + (x + 0.5) * Math.log(t) - t + Math.log(LANCZOS.reduce((sum, c, i) => sum + c / (x + i + 1), 0.99999999999980993));
};
const missedErrors = (numUnflagged, numSampled, numErrors) => {
  if (!numSampled) return null;
  const rest = numUnflagged - numSampled, a = numErrors + 0.5, b = numSampled - numErrors + 0.5;
  const betaLog = (p, q) => logGamma(p) + logGamma(q) - logGamma(p + q), whole = betaLog(a, b), all = logGamma(rest + 1);
  const mass = Array.from({ length: rest + 1 }, (_, k) => Math.exp(all - logGamma(k + 1) - logGamma(rest - k + 1) + betaLog(k + a, rest - k + b) - whole));
  const [low, high] = tails(mass, rest);
  return { value: (numUnflagged * numErrors) / numSampled, low: numErrors + low, high: numErrors + high };
};
const gammaBelow = (a, x) => { // the share of a Gamma(a) distribution below x: its series, or beyond the mean its continued fraction
  if (x <= 0) return 0;
  const front = Math.exp(a * Math.log(x) - x - logGamma(a));
  if (x < a + 1) {
    let term = 1 / a, sum = term;
    for (let n = 1; term > sum * 1e-17; n++) sum += term *= x / (a + n);
    return sum * front;
  }
  let b = x + 1 - a, c = 1e300, d = 1 / b, h = d; // Lentz
  for (let n = 1, change = 0; Math.abs(change - 1) > 1e-16 && n < 10000; n++) {
    const an = -n * (n - a);
    b += 2;
    d = 1 / (an * d + b);
    c = b + an / c;
    h *= change = d * c;
  }
  return 1 - h * front;
};
const gammaQuantile = (a, share) => {
  let [low, high] = [0, a + 12 * Math.sqrt(a) + 40];
  for (let step = 0; step < 80; step++) {
    const middle = (low + high) / 2;
    if (gammaBelow(a, middle) < share) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
};
const errorsAmong = (S, codes, probability) => {
  if (!codes.length || !probability) return null;
  let found = 0, expected = 0, ahead = 0, numAhead = 0;
  codes.forEach((code, place) => {
    if (code === WRONG) found++;
    if (code === UNDECIDED) { ahead += probability[place]; numAhead++; } else expected += probability[place];
  });
  const more = (factor) => found + Math.min(numAhead, (factor / (expected + S.worth)) * ahead), a = found + S.worth;
  return { value: more(a), low: more(gammaQuantile(a, TAILS[0])), high: more(gammaQuantile(a, TAILS[1])) };
};
const paceOf = (S, seconds, numLeft) => {
  const sorted = [...seconds].sort((a, b) => a - b);
  const gaps = sorted.slice(1).map((at, i) => at - sorted[i]).filter((gap) => gap >= S.one_go && gap <= S.longest_pause);
  return gaps.length ? { perMinute: 60 / mean(gaps), secondsLeft: numLeft * mean(gaps) } : { perMinute: null, secondsLeft: null };
};
const duration = (seconds) => (seconds < 100 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`);
const rounded = (value) => { // half to even, as Python says it
  const down = Math.floor(value);
  return value - down === 0.5 ? down + (down % 2) : Math.round(value);
};
const advice = (S, prediction, { numDecided, numLeft, secondsEach = null }) => {
  if (!numLeft) return "All suspects are decided. Now decide the random check: it tells how many errors were missed.";
  if (!prediction) {
    const more = Math.min(Math.max(S.min_decided - numDecided, 1), numLeft);
    return `Go on: decide ${more} more, worst first. Then it can be told how many errors are ahead.`;
  }
  const { value, low, high, num_next: ahead } = prediction;
  let found = `about ${rounded(value)} of the next ${ahead} are errors (${low} to ${high})`;
  if (high * S.worthwhile < ahead) return `You can stop: ${found}. The random check tells more now.`;
  if (value * S.worthwhile < ahead) return `Errors get rare: ${found}. Decide some more to be sure that you can stop.`;
  if (secondsEach !== null && value > 0) found += `, one in ${duration((ahead * secondsEach) / value)}`;
  return `Go on: ${found}.`;
};
