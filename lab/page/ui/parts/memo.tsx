import { Component, type ComponentChild, type FunctionComponent } from 'preact'

/** Draws again only where a property is another one: views share what did not change, so that is cheap and exact. */
export function memo<Props extends object>(Inner: FunctionComponent<Props>) {
  return class Memo extends Component<Props> {
    override shouldComponentUpdate(next: Readonly<Props>): boolean {
      const before = this.props as Readonly<Record<string, unknown>>
      const after = next as Readonly<Record<string, unknown>>
      const names = new Set([...Object.keys(before), ...Object.keys(after)])
      return [...names].some((name) => before[name] !== after[name])
    }

    override render(): ComponentChild {
      return <Inner {...(this.props as Props)} />
    }
  }
}
