import { expect, test } from 'vitest'
import { builtEntry, STORY_TIMEOUT_MS } from '../support/cluster.ts'
import { replaceVoters } from './replace-coordinator-story.ts'

test('voters are replaced, the leader among them, while writes go on: none waits for long', {
  timeout: STORY_TIMEOUT_MS,
}, async () => {
  const { longestMs, writes } = await replaceVoters(builtEntry())
  console.log(`longest wait of ${writes} writes: ${longestMs.toFixed(0)} ms`)
  expect(longestMs).toBeLessThan(5000) // far less where nobody else uses the machine: a member that leaves takes its clients' connections along
})
