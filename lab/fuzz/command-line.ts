/** What the fuzzers' commands have in common. */

/** A whole number that was given as an option. @throws where it is none. */
export function numberOf<Name extends string>(
  values: Readonly<Partial<Record<Name, string | boolean>>>,
  name: Name,
): number {
  const number = Number(values[name])
  if (Number.isSafeInteger(number) && number >= 0) return number
  throw new Error(`--${name}: give a whole number, unlike ${values[name]}`)
}

/** Of this process. With --expose-gc, what is garbage does not count. */
export function memory(): string {
  globalThis.gc?.()
  const { heapUsed, rss } = process.memoryUsage()
  return `heap ${megabytes(heapUsed)}, resident ${megabytes(rss)}`
}

export const megabytes = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(0)} MiB`
