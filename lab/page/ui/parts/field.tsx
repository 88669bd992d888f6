interface FieldProps {
  readonly label: string
  readonly value: string
  readonly onChange: (value: string) => void
  readonly hint?: string
  readonly wide?: boolean
  readonly charactersMax?: number
}

/** A short text to be typed. */
export function Field({ label, value, onChange, hint = '', wide = false, charactersMax = 40 }: FieldProps) {
  return (
    <label class={wide ? 'field wide' : 'field'}>
      <span>{label}</span>
      <input
        type="text"
        value={value}
        placeholder={hint}
        maxLength={charactersMax}
        onInput={(event) => onChange(event.currentTarget.value)}
      />
    </label>
  )
}
