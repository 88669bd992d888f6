/** Commands are loaded when they are named. */
import { expect, test } from 'vitest'
import { commandsFor } from '../../cli/commands.ts'

const wordsOf = async (first: string): Promise<string[]> =>
  (await commandsFor(first)).flatMap(({ command, aliases = [] }) =>
    [command, aliases].flat().map((form) => form?.split(' ')[0] ?? ''),
  )

test('a command is loaded alone, by each of its names', async () => {
  const all = await wordsOf('')
  expect(all.length).toBeGreaterThan(20)
  for (const word of all) expect(await wordsOf(word)).toContain(word)
  expect(await wordsOf('get')).toEqual(['get'])
  expect(await wordsOf('del')).toEqual(['delete', 'del'])
})

test.each(['', '--help', '--config', 'stauts', 'toString'])('all are loaded for %j', async (first) => {
  expect(await wordsOf(first)).toEqual(await wordsOf('--version'))
})
