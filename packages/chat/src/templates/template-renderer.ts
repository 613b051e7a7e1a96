/** A compiled Jinja template. Throws what is wrong with the variables, or what the template raises. */
export interface TemplateRenderer {
  render(variables: Readonly<Record<string, unknown>>): string;
}
