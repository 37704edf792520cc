from lmkit.families.run import main

main()
