import { expect, test } from 'vitest'
import { STORY_TIMEOUT_MS, withCluster } from '../support/cluster.ts'
import { startNatsServer } from '../support/nats-server.ts'
import { killEachMember, SESSION_TIMEOUT_MS } from './kill-story.ts'

test('over a broker: the same deaths, and the broker’s own, lose nothing', {
  timeout: STORY_TIMEOUT_MS,
}, async () => {
  const nats = await startNatsServer()
  try {
    await withCluster({ sessionTimeoutMs: SESSION_TIMEOUT_MS, transport: nats.url }, (cluster) =>
      killEachMember(cluster, async (load) => {
        await nats.restart()
        await load.progress()
        const { writes } = load.cut('broker restarted')
        expect(writes).toBeLessThan(15_000)
      }),
    )
  } finally {
    await nats.dispose()
  }
})
