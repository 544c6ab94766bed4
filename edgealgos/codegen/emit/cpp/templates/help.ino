static void help() {
${lines}
}
