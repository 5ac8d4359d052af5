package rootkey

// Parse reads the text of a root key file.
var Parse = parse
