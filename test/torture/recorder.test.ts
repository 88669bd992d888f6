import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readHistory } from '../../lab/checker/formats/read-history.ts'
import { faultFigures } from '../../lab/torture/figures.ts'
import { writeHistory, writePage } from '../../lab/torture/history-file.ts'
import { judge, toOperations } from '../../lab/torture/judge.ts'
import { KeyRing } from '../../lab/torture/key-ring.ts'
import { type Part, Recorder } from '../../lab/torture/recorder.ts'

const X = { model: 'key-value', name: 'x' } as const
const GROUP = { model: 'transactions', name: 'g' } as const
const verdictOf = (parts: readonly Part[]) =>
  judge(parts, { signal: new AbortController().signal, progress: () => {} })

describe('the recorder', () => {
  test('gives every event a time of its own, in the order in which events were seen', () => {
    const recorder = new Recorder()
    for (let i = 0; i < 1000; i++) recorder.invoke(X, 'a', { f: 'get', key: 'x' }).ok({ found: null })
    const times = recorder.parts.flatMap((part) => part.events.map(({ time }) => time))
    expect(new Set(times).size).toBe(2000)
    expect(times).toEqual([...times].sort((a, b) => a - b))
    expect(times.every(Number.isSafeInteger)).toBe(true)
  })

  test('ends an operation once', () => {
    const recorder = new Recorder()
    const call = recorder.invoke(X, 'a', { f: 'get', key: 'x' })
    expect(recorder.open).toBe(1)
    call.fail('TIMEOUT')
    expect(recorder.open).toBe(0)
    expect(() => call.ok({ found: null })).toThrow('ended twice')
  })

  test('leaves out what failed, and keeps open what has no answer', () => {
    const recorder = new Recorder()
    recorder.invoke(X, 'a', { f: 'put', key: 'x', value: '1' }).fail('OVERLOADED')
    recorder.invoke(X, 'b', { f: 'put', key: 'x', value: '2' }).info('TIMEOUT')
    recorder.invoke(X, 'c', { f: 'put', key: 'x', value: '3' })
    const operations = toOperations(recorder.parts[0]?.events ?? [])
    expect(operations.map(({ process, return: end }) => [process, end])).toEqual([
      ['b', Number.POSITIVE_INFINITY],
      ['c', Number.POSITIVE_INFINITY],
    ])
  })

  test('writes what the checker reads', () => {
    const directory = mkdtempSync(join(tmpdir(), 'catenary-recorder-'))
    try {
      const recorder = new Recorder()
      recorder.invoke(X, 'a', { f: 'put', key: 'x', value: '1' }).ok({ version: 4 })
      recorder.invoke(GROUP, 'a', { f: 'multi-get', keys: ['{g}a', '{g}b'] }).ok({ values: [null, null] })
      recorder.invoke(X, 'b', { f: 'increment', key: 'x', by: 2 }).info('TIMEOUT')
      const file = join(directory, 'history.ndjson')
      writeHistory(file, recorder.parts, { seed: 7 })
      const history = readHistory(readFileSync(file, 'utf8'))
      expect(history.model).toBe('transactions')
      expect(history.about).toEqual({ seed: 7 })
      expect(history.operations).toHaveLength(3)
      writeHistory(file, recorder.parts.slice(0, 1), {})
      expect(readHistory(readFileSync(file, 'utf8')).model).toBe('key-value')
    } finally {
      rmSync(directory, { recursive: true })
    }
  })
})

describe('the verdict', () => {
  test('is good for what is linearizable, each part by itself', async () => {
    const recorder = new Recorder()
    recorder.invoke(X, 'a', { f: 'put', key: 'x', value: '1' }).ok({ version: 4 })
    recorder.invoke(X, 'b', { f: 'get', key: 'x' }).ok({ found: { value: '1', version: 4 } })
    recorder.invoke(GROUP, 'b', { f: 'multi-get', keys: ['{g}a'] }).ok({ values: [null] })
    const { judgement, models, doubtful } = await verdictOf(recorder.parts)
    expect(judgement).toBe('linearizable')
    expect(models.map(({ model, operations }) => [model, operations])).toEqual([
      ['key-value', 2],
      ['transactions', 1],
    ])
    expect(doubtful).toEqual([])
  })

  test('finds a stale read, and draws it', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'catenary-verdict-'))
    try {
      const recorder = new Recorder()
      recorder.invoke(X, 'a', { f: 'put', key: 'x', value: '1' }).ok({ version: 4 })
      recorder.invoke(X, 'a', { f: 'put', key: 'x', value: '2' }).ok({ version: 5 })
      recorder.invoke(X, 'b', { f: 'get', key: 'x' }).ok({ found: { value: '1', version: 4 } })
      const judged = await verdictOf(recorder.parts)
      expect(judged.judgement).toBe('not-linearizable')
      expect(judged.doubtful.map(({ part }) => part.name)).toEqual(['x'])
      writePage(join(directory, 'page.html'), judged, { command: 'catenary torture --seed 7' })
      expect(readFileSync(join(directory, 'page.html'), 'utf8')).toContain('catenary torture --seed 7')
    } finally {
      rmSync(directory, { recursive: true })
    }
  })
})

describe('shared keys', () => {
  test('are replaced after so many operations, and after a few without an answer', () => {
    const ring = new KeyRing(10)
    const first = ring.take(0)
    for (let i = 0; i < 9; i++) expect(ring.take(0)).toBe(first)
    const second = ring.take(0)
    expect(second).not.toBe(first)
    expect(second.kind).toBe(first.kind)
    ring.unanswered(first) // it has been replaced already
    for (let i = 0; i < 5; i++) ring.unanswered(second)
    expect(ring.take(0)).not.toBe(second)
    expect(ring.all).toContain(first)
    expect(new Set(ring.all.map(({ name }) => name)).size).toBe(ring.all.length)
  })

  test('of one group share a tag', () => {
    const group = new KeyRing().all.find(({ kind }) => kind === 'group')
    expect(group?.keys.map((key) => key.startsWith(`{${group.name}}`))).toEqual([true, true, true])
  })
})

describe('figures', () => {
  test('count an operation where it ended, and a stall wherever it meets a fault', () => {
    const events = (op: number, from: number, to: number, f: 'get' | 'put'): Part['events'] => [
      {
        type: 'invoke',
        op,
        process: 'a',
        time: from,
        input: f === 'get' ? { f, key: 'x' } : { f, key: 'x', value: '1' },
      },
      { type: 'ok', op, time: to, output: f === 'get' ? { found: null } : { version: op } },
    ]
    const part: Part = {
      ...X,
      events: [
        ...events(1, 0, 1000, 'get'),
        ...events(2, 1000, 9000, 'get'),
        ...events(3, 0, 5000, 'put'),
        { type: 'invoke', op: 4, process: 'b', time: 0, input: { f: 'delete', key: 'x' } },
        { type: 'info', op: 4, time: 5500, reason: 'TIMEOUT' },
      ],
    }
    const fault = { kind: 'kill', what: '', fromUs: 4000, toUs: 6000 } as const
    const [kill, all] = faultFigures([part], [fault], { fromUs: 0, toUs: 10_000 })
    expect(kill).toEqual({
      ...{ kind: 'kill', count: 1, ok: 1, failed: 0, indefinite: 1 },
      ...{ readStallMs: 8, writeStallMs: 5 },
    })
    expect(all).toMatchObject({ kind: 'all', count: 1, ok: 3, indefinite: 1 })
  })
})
