/** Hears of broken promises while a run goes on; the first one counts. */
export interface Judge {
  fail(this: void, why: string): void
  failure(): string | undefined
}

export function createJudge(): Judge {
  let first: string | undefined
  return {
    fail(why) {
      first ??= why
    },
    failure: () => first,
  }
}
