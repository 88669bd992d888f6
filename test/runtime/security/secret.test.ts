import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterAll, expect, test } from 'vitest'
import { readSecretFile } from '../../../runtime/security/secret.ts'

const directory = mkdtempSync(join(tmpdir(), 'catenary-secret-'))
const path = join(directory, 'cluster.secret')

afterAll(() => rmSync(directory, { recursive: true }))

function written(text: string, mode = 0o600) {
  writeFileSync(path, text)
  chmodSync(path, mode)
  return () => readSecretFile(path)
}

test('what is derived is the same for all who have the file, and differs by its purpose', () => {
  const one = written('0123456789abcdef\n')()
  const other = written('  0123456789abcdef', 0o400)()
  expect(one).toEqual(other)
  const derived = [Buffer.from(one.linkKey).toString('base64url'), one.coordinatorPassword, one.httpPassword]
  expect(new Set(derived).size).toBe(3)
})

test('it does not show itself', () => {
  const secret = written('0123456789abcdef')()
  expect(`${inspect({ secret })} ${JSON.stringify({ secret })}`).toBe(
    '{ secret: [secret] } {"secret":"[secret]"}',
  )
})

test('a file that is no secret is refused, with what to do', () => {
  expect(written('0123456789abcde\n')).toThrow(/15 bytes are too few.*catenary secret/)
  for (const mode of [0o640, 0o604, 0o660]) expect(written('0123456789abcdef', mode)).toThrow(/chmod 600/)
  expect(() => readSecretFile(join(directory, 'none'))).toThrow(/cannot be read/)
})
