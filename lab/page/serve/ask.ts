/** One question to an http door. */
import { httpFailureText, httpGet } from '../../../client/transport/http-get.ts'
import type { TlsOptions } from '../../../client/transport/tls-options.ts'

export interface Answer {
  readonly text: string | null
  readonly error: string | null
}

const WHO = 'it asks who we are: give --secret-file, or --user and --password-file'
/** More than any process of a cluster says of itself. */
const BYTES_MAX = 4 * 1024 * 1024

export interface Question {
  /** `host:port`. */
  readonly address: string
  readonly path: string
  readonly timeoutMs: number
  /** The header of that name; null: nothing is said of who asks. */
  readonly authorization: string | null
  /** Null: in plain. */
  readonly tls: TlsOptions | null
}

/** Never fails and never hangs: whatever goes wrong is the answer's `error`. */
export function ask({ address, path, timeoutMs, authorization, tls }: Question): Promise<Answer> {
  return new Promise((resolve) => {
    let text = ''
    const failed = (error: string) => {
      clearTimeout(timer)
      request.destroy()
      resolve({ text: null, error })
    }
    const { hostname, port } = new URL(`http://${address}`)
    const host = hostname.replace(/^\[|\]$/g, '')
    const request = httpGet({ host, port: Number(port), path, authorization, tls }, (response) => {
      if (response.statusCode === 401) return failed(WHO)
      if (response.statusCode !== 200) return failed(`it answers ${response.statusCode}`)
      response.setEncoding('utf8')
      response.on('data', (part: string) => {
        text += part
        if (text.length > BYTES_MAX) failed('it says too much for a process of a cluster')
      })
      response.on('error', (error) => failed(error.message))
      response.on('end', () => {
        clearTimeout(timer)
        resolve({ text, error: null })
      })
    })
    const timer = setTimeout(() => failed(`no answer in ${timeoutMs} ms`), timeoutMs)
    request.on('error', (error) => failed(httpFailureText(error, tls)))
  })
}
