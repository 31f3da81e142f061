"""Write the generated files anew, each where it belongs."""

from client_generator.files import PACKAGE, generated

for name, text in generated().items():
    file = PACKAGE / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, encoding="utf-8")
    print(file.relative_to(PACKAGE.parents[2]))
