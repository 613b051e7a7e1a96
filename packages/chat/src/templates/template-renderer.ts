/** A compiled Jinja template. `render` throws if a variable is invalid or the template raises an error. */
export interface TemplateRenderer {
  render(variables: Readonly<Record<string, unknown>>): string;
}
