import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { check } from '../../lab/checker/check.ts'
import { readHistory } from '../../lab/checker/formats/read-history.ts'

/** Histories with known verdicts, beside the project: Porcupine's test data. */
const FOLDER = fileURLToPath(new URL('../../../shared/histories/', import.meta.url))
const LINEARIZABLE_ETCD = ['002', '005', '007', '018', '025', '031', '038', '045', '048', '049']

function filesIn(folder: string): readonly string[] {
  if (!existsSync(FOLDER))
    throw new Error(`${FOLDER} is missing: these tests need the recorded histories there`)
  return readdirSync(`${FOLDER}${folder}`)
}

function judge(path: string, options: { partition?: boolean } = {}) {
  const { operations, model, initial } = readHistory(readFileSync(`${FOLDER}${path}`, 'utf8'))
  return check(operations, { model, initial, ...options }).judgement
}

describe('recorded by Jepsen: one register of etcd', () => {
  test.each(filesIn('jepsen-etcd'))('%s', (name) => {
    const isGood = LINEARIZABLE_ETCD.some((number) => name === `etcd_${number}.log`)
    expect(judge(`jepsen-etcd/${name}`)).toBe(isGood ? 'linearizable' : 'not-linearizable')
  })
})

describe('recorded from key-value stores', () => {
  const files = filesIn('kv')
  const expected = (name: string) => (name.includes('-ok') ? 'linearizable' : 'not-linearizable')
  test.each(files)('%s, key by key', (name) => expect(judge(`kv/${name}`)).toBe(expected(name)))
  test.each(files)('%s, all keys together', (name) =>
    expect(judge(`kv/${name}`, { partition: false })).toBe(expected(name)),
  )
})
