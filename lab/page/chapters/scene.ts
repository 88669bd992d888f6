import type { StageScenario } from './chapter.ts'

/** A story in pictures, of which no run is judged. */
export const scene = (
  id: string,
  title: string,
  outcome: string,
  frames: StageScenario['frames'],
  watch: readonly string[],
): StageScenario => ({
  kind: 'stage',
  id,
  title,
  watch,
  outcome,
  frames,
  expect: null,
})
