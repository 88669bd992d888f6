/**
 * How Node.js is told to keep its memory, for each kind of process. Data servers make much garbage and have little time: a large young generation spares them copies. A
 * coordinator makes little, and several of them should fit beside everything else: what it keeps may grow by 70 % before it is collected, not fourfold.
 */
export const NODE_ARGS = {
  server: ['--max-semi-space-size=32'],
  coordinator: ['--max-semi-space-size=8', '--heap-growing-percent=70'],
  manager: ['--max-semi-space-size=8', '--heap-growing-percent=70'],
} as const satisfies Record<string, readonly string[]>
