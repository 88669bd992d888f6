/** Real load processes: they run what the build made of lab/load (npm test builds first). */
import { createServer } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { runBareFixedServer } from '../../lab/bench/bare-fixed-server.ts'
import { LoadFailure, runLoadProcess } from '../../lab/load/run-load-process.ts'
import { loadTask } from './fake-target.ts'

const bare = (port: number) => ({ kind: 'bare', port, codec: 'fixed' }) as const

describe('a load process', () => {
  test('measures, and says when its span begins', async () => {
    const target = bare(await runBareFixedServer())
    let spans = 0
    const result = await runLoadProcess(loadTask({ target, bucketMs: 50 }), { onSpan: () => spans++ })
    expect(spans).toBe(1)
    expect(result.errors).toBe(0)
    expect(result.all.count).toBeGreaterThan(10)
    expect(result.clientCpuSeconds).toBeGreaterThan(0)
    expect(result.timeline?.length).toBe(4)
  })

  test('several share what is in flight, and their results are one', async () => {
    const target = bare(await runBareFixedServer())
    const result = await runLoadProcess(loadTask({ target }), { processes: 2 })
    expect(result.all.count).toBe(Math.round(result.perSecond * result.seconds))
    expect(result.all.count).toBeGreaterThan(10)
  })

  test('nobody there is a failure in words', async () => {
    const error = await runLoadProcess(loadTask({ target: bare(1) })).catch((e: unknown) => e)
    if (!(error instanceof LoadFailure)) throw error
    expect(error.message).toContain('ECONNREFUSED')
    expect(error.partial).toBeNull()
  })

  test('a store that dies is a failure with what was measured', async () => {
    const server = createServer((socket) => setTimeout(() => socket.destroy(), 100))
    onTestFinished(() => void server.close())
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    const error = await runLoadProcess(loadTask({ target: bare(port), warmUpMs: 0, measureMs: 5000 })).catch(
      (e: unknown) => e,
    )
    if (!(error instanceof LoadFailure)) throw error
    expect(error.message).toContain('the connection was closed')
    expect(error.partial).toMatchObject({ perSecond: 0, errors: 1 })
    expect(error.partial?.seconds).toBeLessThan(5)
  })

  test('the signal ends it', async () => {
    const target = bare(await runBareFixedServer())
    const stop = new AbortController()
    const running = runLoadProcess(loadTask({ target, measureMs: 60_000 }), {
      signal: stop.signal,
      onSpan: () => stop.abort(new Error('enough')),
    })
    await expect(running).rejects.toThrow('enough')
    await expect(runLoadProcess(loadTask({ target }), { signal: stop.signal })).rejects.toThrow('enough')
  })
})
