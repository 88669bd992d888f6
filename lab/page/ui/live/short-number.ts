/** For where there is little room: `0.4`, `17`, `1.2k`, `34k`, `5.6M`. */
export function shortNumber(value: number): string {
  const units = [
    [1e6, 'M'],
    [1e3, 'k'],
  ] as const
  for (const [size, unit] of units) if (value >= size * 0.9995) return `${digits(value / size)}${unit}`
  return digits(value)
}

const digits = (value: number): string =>
  value >= 9.95 || Number.isInteger(value) ? String(Math.round(value)) : value.toFixed(1)
