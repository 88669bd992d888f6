/** Passwords come from a file, from standard input, or from the keyboard: never from the command line, which other users of the machine can see. */
import { readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { UsageError } from './arguments.ts'

export const passwordFileOption = {
  'password-file': {
    type: 'string',
    requiresArg: true,
    describe: 'File with the password; - is standard input',
    defaultDescription: 'asked on the terminal',
  },
} as const

const PASSWORD_CHARACTERS_MAX = 256

/** @param options.file - null: it is asked, twice. */
export async function newPassword(options: {
  readonly user: string
  readonly file: string | null
}): Promise<string> {
  const { user, file } = options
  const password =
    file === null
      ? await askTwice(user)
      : withoutLineEnd(file === '-' ? await text(process.stdin) : readFile(file))
  const what = file === null ? 'the password' : file === '-' ? 'standard input' : `--password-file ${file}`
  if (password === '') throw new UsageError(`${what} is empty: a password has at least one character`)
  if (/[\r\n]/.test(password)) throw new UsageError(`${what} has several lines: a password is one`)
  if (password.length > PASSWORD_CHARACTERS_MAX)
    throw new UsageError(`${what} is too long: a password has at most ${PASSWORD_CHARACTERS_MAX} characters`)
  return password
}

const withoutLineEnd = (written: string): string => written.replace(/\r?\n$/, '')

function readFile(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new UsageError(`--password-file ${path} cannot be read: ${(error as Error).message}`)
  }
}

async function askTwice(user: string): Promise<string> {
  if (!process.stdin.isTTY)
    throw new UsageError(
      'there is no terminal to ask for the password: give --password-file FILE, or - for standard input',
    )
  const password = await ask(`Password of ${user}: `)
  if ((await ask('Once more: ')) !== password)
    throw new UsageError('these are two different passwords: try again')
  return password
}

const [CTRL_C, CTRL_D, BACKSPACE, DELETE] = ['\x03', '\x04', '\b', '\x7f']

/** Shows nothing of what is typed. */
function ask(question: string): Promise<string> {
  const { stdin, stderr } = process
  stderr.write(question)
  stdin.setRawMode(true)
  stdin.setEncoding('utf8')
  return new Promise((resolve, reject) => {
    let typed = ''
    const end = (settle: () => void) => {
      stdin.off('data', onData)
      stdin.setRawMode(false)
      stdin.pause()
      stderr.write('\n')
      settle()
    }
    const onData = (chunk: string) => {
      for (const char of chunk) {
        if (char === '\r' || char === '\n') return end(() => resolve(typed))
        if (char === CTRL_C || char === CTRL_D)
          return end(() => reject(new UsageError('given up: nothing has changed')))
        typed = char === BACKSPACE || char === DELETE ? [...typed].slice(0, -1).join('') : typed + char
      }
    }
    stdin.on('data', onData)
    stdin.resume()
  })
}
