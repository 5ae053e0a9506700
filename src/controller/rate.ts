/** A token bucket: `burst` at once, `perSecond` in the long run. */
export interface RateLimiter {
  /** Takes a token where there is one. */
  readonly take: () => boolean;
  /** Until there is a token, in milliseconds; 0: now. */
  readonly waitMs: () => number;
}

export const createRateLimiter = (burst: number, perSecond: number): RateLimiter => {
  let tokens = burst;
  let at = performance.now();
  const refill = (): void => {
    const now = performance.now();
    tokens = Math.min(burst, tokens + ((now - at) / 1000) * perSecond);
    at = now;
  };
  return {
    take: () => {
      refill();
      if (tokens < 1) return false;
      tokens -= 1;
      return true;
    },
    waitMs: () => {
      refill();
      return tokens >= 1 ? 0 : ((1 - tokens) / perSecond) * 1000;
    },
  };
};
