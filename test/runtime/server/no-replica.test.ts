import { expect, test } from 'vitest'
import { connect } from '../../../client/index.ts'
import { startSoloServer } from '../../../lab/fuzz/redis/solo-server.ts'
import { asChainId, asEpoch, asIncarnation, asServerId } from '../../../protocol/ids.ts'

/** The map waited for the end of a turn that only a replica began. */
test('a server that has no replica yet tells clients who has', async () => {
  const cluster = 'no-replica'
  const solo = await startSoloServer({ native: { cluster, onProtocolError: () => {} }, chains: 0 })
  const n2 = { server: asServerId('n2'), incarnation: asIncarnation(1), serving: true, leaving: false }
  await solo.server.learnConfig({
    ...{ chain: asChainId('c0'), epoch: asEpoch(1), members: [n2], joining: null, slots: [[0, 16_383]] },
  })
  try {
    const { host, port } = solo.server.address ?? { host: '', port: 0 }
    const client = await connect({ servers: [`${host}:${port}`], cluster, connectTimeoutMs: 2000 })
    await client.close()
    expect(solo.server.hosted(asChainId('c0'))).toBeNull()
  } finally {
    await solo.close()
  }
})
